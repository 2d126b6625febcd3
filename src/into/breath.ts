import { setImmediate } from 'node:timers/promises';

/** Entries that are worked on before giving way to other work. */
const BATCH = 100;

export interface BreathOptions {
  readonly signal: AbortSignal;
  /** Called now and then while the work goes on. */
  readonly onProgress: () => void;
}

/** The pauses of long work on many files: other work goes on in them, and an order to stop is noticed. */
export class Breath {
  readonly #options: BreathOptions;
  #count = 0;

  constructor(options: BreathOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  /**
   * To be called after each entry.
   * @returns a pause to wait for; undefined, mostly, when it is not time for one
   * @throws the reason of the signal
   */
  take(): Promise<void> | undefined {
    this.#count += 1;
    return this.#count % BATCH === 0 ? this.#pause() : undefined;
  }

  async #pause(): Promise<void> {
    await setImmediate();
    this.#options.signal.throwIfAborted();
    this.#options.onProgress();
  }
}
