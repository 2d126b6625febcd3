import type { RestartPolicy } from '../config/run-config.ts';
import { messageOf } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Exit } from '../platform/process.ts';
import type { Instance } from './instance.ts';

export interface KeeperOptions {
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly log: Logger;
  /** Starts another process of the same release. */
  readonly start: () => Promise<Instance>;
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
  restarts = 0;

  constructor(instance: Instance, options: KeeperOptions) {
    this.#instance = instance;
    this.#options = options;
    void this.#watch();
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** Ends the process and keeps it ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#instance.stop();
  }

  async #watch(): Promise<void> {
    const { clock, policy, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const exit = await this.#instance.exited;
      if (this.#stopping.signal.aborted) return;
      log.warn('the process ended by itself', { pid: this.#instance.pid, status: exit.code, signal: exit.signal });
      if (policy === 'never' || (policy === 'on-failure' && exit.code === 0)) {
        this.#options.onGone(exit);
        return;
      }
      // A daemon that it left could hold its port.
      await this.#instance.gone;
      if (clock.now() - this.#instance.startedAt > LONG_LIFE_MS) this.#pauseMs = FIRST_PAUSE_MS;
      await clock.sleep(this.#pauseMs, this.#stopping.signal);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      await this.#restart();
    }
  }

  async #restart(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      const instance = await this.#options.start();
      this.#instance = instance;
      this.restarts += 1;
      // It was told to stop while it was being started.
      if (this.#stopping.signal.aborted) await instance.stop();
      else this.#options.onRestart(instance);
    } catch (error) {
      this.#options.log.error(error, `the process could not be started again: ${messageOf(error)}`);
    }
  }
}
