import type { Instance } from './instance.ts';
import { type ProcessState, type Proven, stateOfProven } from './process-state.ts';
import type { Release } from './state.ts';
import type { Trial } from './trial.ts';

export interface PresentOptions {
  /** A process has passed its checks since it was started. */
  readonly hasPassed: (instance: Instance) => boolean;
  /** {@link Present.state} may be another one. It must not throw. */
  readonly onState: (() => void) | undefined;
}

/** Which processes there are at the moment, and how the current one is. The ways from one to the next set it. */
export class Present {
  readonly #options: PresentOptions;
  /** What has proven itself last. */
  proven: Proven | undefined;
  /** What is on probation. */
  trial: Trial | undefined;
  /** What ended and is not started again. */
  gone: ProcessState | undefined;
  /** What is being started. */
  #starting: Release | undefined;
  /** What the last release that did not come to life wrote. */
  #lastWords: { readonly id: string; readonly output: readonly string[] } | undefined;

  constructor(options: PresentOptions) {
    this.#options = options;
  }

  /** The release whose process is the current one. */
  get running(): Release | undefined {
    return this.trial?.release ?? (this.proven?.keeper && this.proven.release);
  }

  get instance(): Instance | undefined {
    return this.trial?.instance ?? this.proven?.keeper?.instance;
  }

  get isAlive(): boolean {
    return this.instance !== undefined && this.instance.exit === undefined;
  }

  /** The current process has passed its checks since it was started. */
  get isReady(): boolean {
    return this.isAlive && this.instance !== undefined && this.#options.hasPassed(this.instance);
  }

  get restarts(): number {
    return this.proven?.keeper?.restarts ?? 0;
  }

  /** The release that has proven itself, while its process is ready. */
  get provenRelease(): Release | undefined {
    const { keeper, release } = this.proven ?? {};
    const isUp = keeper && keeper.instance.exit === undefined && this.#options.hasPassed(keeper.instance);
    return isUp ? release : undefined;
  }

  /** How the current process is; undefined while there is none, and none is being started. */
  get state(): ProcessState | undefined {
    if (this.gone) return this.gone;
    const coming = this.#starting ?? this.trial?.release;
    if (coming) return { release: coming, state: 'starting', ended: 0 };
    if (!this.proven) return undefined;
    return stateOfProven(this.proven, this.provenRelease !== undefined);
  }

  /** What the last process of a release that did not come to life wrote last. */
  lastWordsOf(id: string): readonly string[] {
    return this.#lastWords?.id === id ? this.#lastWords.output : [];
  }

  keepLastWords({ id }: Release, { lastLines: output }: Instance): void {
    this.#lastWords = { id, output };
  }

  /** Says that something is another way now. */
  tell(): void {
    this.#options.onState?.();
  }

  /** Does what starts a process of `release`, and says so. */
  async whileStarting<T>(release: Release, start: () => Promise<T>): Promise<T> {
    this.#starting = release;
    this.tell();
    try {
      return await start();
    } finally {
      this.#starting = undefined;
      this.tell();
    }
  }
}
