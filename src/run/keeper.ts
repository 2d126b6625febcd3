import type { RestartPolicy } from '../config/run-config.ts';
import { messageOf } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Exit } from '../platform/process/runner.ts';
import { describeExit, type Instance } from './instance.ts';

/** Why a process is not there, and what it wrote last. */
export interface Trouble {
  readonly reason: string;
  /** Lines as it wrote them: they may hold secrets. */
  readonly output: readonly string[];
}

export interface KeeperOptions {
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly log: Logger;
  /** Starts another process of the same release. */
  readonly start: () => Promise<Instance>;
  /** It ended by itself, or could not be started again. */
  readonly onTrouble: () => void;
  /** A process was started in the place of one that ended. */
  readonly onRestart: (instance: Instance) => void;
  /** It ended and is not started again. */
  readonly onGone: (exit: Exit) => void;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** A process that lived this long is no crash loop. */
const LONG_LIFE_MS = 10_000;

/** Keeps a process alive that has been ready once. */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #stopping = new AbortController();
  #instance: Instance;
  #pauseMs = FIRST_PAUSE_MS;
  #trouble: Trouble | undefined;
  #isOver = false;
  restarts = 0;
  /** How often it ended by itself. */
  ended = 0;

  constructor(instance: Instance, options: KeeperOptions) {
    this.#instance = instance;
    this.#options = options;
    void this.#watch();
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** Why it ended last, or cannot be started again. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** It ended by itself, and is not started again. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the process and keeps it ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#instance.stop();
  }

  async #watch(): Promise<void> {
    const { clock, policy, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      const exit = await this.#instance.exited;
      if (signal.aborted) return;
      if (clock.monotonic() - startedAt > LONG_LIFE_MS) this.#pauseMs = FIRST_PAUSE_MS;
      log.warn('the process ended', { pid: this.#instance.pid, status: exit.code, signal: exit.signal });
      this.ended += 1;
      this.#isOver = policy === 'never' || (policy === 'on-failure' && exit.code === 0);
      this.#note(describeExit(exit));
      if (this.#isOver) {
        this.#options.onGone(exit);
        return;
      }
      // A daemon that it left could hold its port.
      await this.#instance.gone;
      while (!(await this.#restart()));
    }
  }

  /** Waits, and starts it again. @returns false when it could not be started */
  async #restart(): Promise<boolean> {
    const { clock, start, log, onRestart } = this.#options;
    const { signal } = this.#stopping;
    await clock.sleep(this.#pauseMs, signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    if (signal.aborted) return true;
    try {
      const instance = await start();
      this.#instance = instance;
      this.restarts += 1;
      // The keeper was stopped while the process was being started.
      if (signal.aborted) await instance.stop();
      else onRestart(instance);
      return true;
    } catch (error) {
      log.error(error, `the process could not be started again: ${messageOf(error)}`);
      this.#note(`it cannot be started again: ${messageOf(error)}`);
      return false;
    }
  }

  #note(reason: string): void {
    this.#trouble = { reason, output: this.#instance.lastLines };
    this.#options.onTrouble();
  }
}
