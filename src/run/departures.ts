import type { Logger } from '../platform/log.ts';
import type { Front } from './front.ts';
import type { Instance } from './instance.ts';
import type { Release } from './state.ts';

export interface DeparturesOptions {
  readonly front: Front | undefined;
  /** How long connections may last that are open. */
  readonly drainTimeoutMs: number;
  readonly log: Logger;
  /** When it fires, no connection is waited for any longer. */
  readonly signal: AbortSignal;
}

/** Processes that are no longer the current one. They end when their connections are done. */
export class Departures {
  readonly #options: DeparturesOptions;
  readonly #leaving = new Set<Release>();
  #all: Promise<unknown> = Promise.resolve();

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** Releases whose directories they work in. */
  get releases(): readonly Release[] {
    return [...this.#leaving];
  }

  /** Resolves when all of them have ended that there are now. */
  get over(): Promise<unknown> {
    return this.#all;
  }

  /** @param process ends it, and keeps it ended */
  add(release: Release, { port }: Instance, process: { stop(): Promise<void> }): void {
    const { front, drainTimeoutMs, log, signal } = this.#options;
    const leave = async (): Promise<void> => {
      if (front && port !== undefined) {
        const cut = await front.drain(port, drainTimeoutMs, signal);
        if (cut > 0) log.warn('connections were cut after --drain-timeout', { connections: cut });
      }
      await process.stop();
      this.#leaving.delete(release);
    };
    this.#leaving.add(release);
    const left = leave().catch((error: unknown) => log.error(error, 'the old process could not be ended'));
    this.#all = Promise.all([this.#all, left]);
  }
}
