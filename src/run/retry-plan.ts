import { nextPause } from '../platform/backoff.ts';
import type { Clock, Random } from '../platform/clock.ts';

/** Pause after the first failure; the next ones grow, up to a minute. */
const FIRST_MS = 5000;

/** When something that failed is tried again. Something else is tried at once. */
export class RetryPlan {
  readonly #clock: Clock;
  readonly #random: Random;
  #id: string | undefined;
  #failures = 0;
  #notBefore = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @returns milliseconds until it may be tried again */
  failed(id: string): number {
    this.#failures = id === this.#id ? this.#failures + 1 : 1;
    this.#id = id;
    const failures = this.#failures;
    const pause = nextPause({
      periodMs: FIRST_MS,
      failures,
      retryAfterMs: undefined,
      first: false,
      random: this.#random,
    });
    this.#notBefore = this.#clock.monotonic() + pause;
    return pause;
  }

  isTooSoon(id: string): boolean {
    return id === this.#id && this.#clock.monotonic() < this.#notBefore;
  }
}
