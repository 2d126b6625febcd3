import { bounded, settledWithin } from './bounded.ts';
import { deadline } from './deadline.ts';
import type { Watchdog } from './watchdog.ts';

export interface LimitedOptions {
  /** Ends all work. */
  readonly signal: AbortSignal;
  /** Notices work that does not end although it should. */
  readonly watchdog: Watchdog | undefined;
}

/** Work that was ended gets this long to end by itself, so that the next attempt does not meet it. */
const GRACE_MS = 1000;

/** Runs work that is over within its time, whatever it waits for. */
export class Limited {
  readonly #options: LimitedOptions;

  constructor(options: LimitedOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` for at most `ms`. What does not end when its signal fires is left alone; the watchdog goes on watching it.
   * @param what it is, as a person reads it
   * @throws what `work` throws, or a TimeoutError
   */
  async run<T>(what: string, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, watchdog } = this.#options;
    const limit = deadline(signal, ms);
    const watch = watchdog?.watch(what, ms);
    const running = work(limit.signal);
    running.catch(() => undefined).finally(() => watch?.done());
    try {
      return await bounded(running, limit.signal);
    } catch (error) {
      if (limit.signal.aborted) await settledWithin(running, GRACE_MS);
      throw error;
    } finally {
      limit.end();
    }
  }
}
