import type { Clock } from '../../../platform/clock.ts';

export interface TurnsOptions {
  readonly clock: Clock;
  /** When it fires, no caller waits any longer. */
  readonly signal: AbortSignal;
  /** Makes the next turn begin now. */
  readonly hurry: () => void;
}

/** A client that wants what does not exist must not make us ask more often than this. */
const MISSING_EVERY_MS = 1000;

/** Lets others wait for a turn of a loop: one that begins after they asked, or one after which something is true. */
export class Turns {
  readonly #options: TurnsOptions;
  #begun = 0;
  #isUnderWay = false;
  #waiting: (() => void)[] = [];
  #missing: Promise<void> | undefined;
  #askedForMissingAt = -MISSING_EVERY_MS;

  constructor(options: TurnsOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#release(), { once: true });
  }

  begin(): void {
    this.#begun += 1;
    this.#isUnderWay = true;
  }

  end(): void {
    this.#isUnderWay = false;
    this.#release();
  }

  /** Resolves when a turn that begins after now is over, with whatever result, or after `ms`. */
  async next(ms: number): Promise<void> {
    const wanted = this.#begun + 1;
    this.#options.hurry();
    await this.until(() => this.#begun >= wanted && !this.#isUnderWay, ms);
  }

  /** Like {@link next}, once for all callers, and at most once a second. */
  async nextForMissing(ms: number): Promise<void> {
    this.#missing ??= this.#soon(ms);
    await this.#missing;
  }

  /** Resolves when `condition` holds after a turn, or holds already; at the latest after `ms`. */
  async until(condition: () => boolean, ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    const end = clock.monotonic() + ms;
    while (!condition()) {
      const left = end - clock.monotonic();
      if (left <= 0 || signal.aborted) return;
      await this.#endOfTurn(left);
    }
  }

  async #soon(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    await clock.sleep(this.#askedForMissingAt + MISSING_EVERY_MS - clock.monotonic(), signal);
    // A caller that comes from here on needs an answer to a question that is asked later still.
    this.#missing = undefined;
    this.#askedForMissingAt = clock.monotonic();
    await this.next(ms);
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #endOfTurn(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.push(done);
    });
  }
}
