import type { Clock } from '../../platform/clock.ts';

/** Adds up the polls that the git servers did not get, because subscribers had a stream instead. */
export class Savings {
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #subscribers: () => number;
  #polls = 0;
  #sampledAt: number;

  /** @param periodMs the pause between two polls of a subscriber that had no relay */
  constructor(clock: Clock, periodMs: number, subscribers: () => number) {
    this.#clock = clock;
    this.#periodMs = Math.max(1, periodMs);
    this.#subscribers = subscribers;
    this.startedAt = clock.now();
    this.#sampledAt = clock.monotonic();
  }

  /** To be called about once a second. */
  sample(): void {
    const now = this.#clock.monotonic();
    this.#polls += (this.#subscribers() * (now - this.#sampledAt)) / this.#periodMs;
    this.#sampledAt = now;
  }

  get polls(): number {
    return this.#polls;
  }
}
