import { bounded } from './bounded.ts';

/** Pieces of work of which each begins when those before it have ended. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Some work is under way, or waits. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Does the work when its turn has come.
   * @throws what `work` throws; the signal's reason when it fires before the turn comes, and the work is left out
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#last;
    const begin = async (): Promise<T> => {
      await bounded(before, signal);
      signal.throwIfAborted();
      return await work();
    };
    const running = begin();
    // One that is left out lets the next one wait for those before it all the same.
    this.#last = Promise.allSettled([before, running]);
    this.#waiting += 1;
    return await running.finally(() => {
      this.#waiting -= 1;
    });
  }
}
