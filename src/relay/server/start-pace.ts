import type { Clock } from '../../platform/clock.ts';

export interface StartPaceOptions {
  readonly clock: Clock;
  /** Whether somebody else is there at the moment. */
  readonly isShared: (owner: string) => boolean;
}

/** The news of a hundred repositories, each fetched in a few ways, does not have to wait. */
const AT_ONCE = 64;
/** Then 5 a second. */
const EVERY_MS = 200;
/** Owners that are remembered before those who have no debt any more are forgotten. */
const MANY = 256;

/**
 * How fast git processes may be started for one owner where others use the relay too. To start a process takes the
 * relay's main thread about 10 ms in which nobody is served, so the number of slots alone is no bound: short processes
 * end, and make place for the next. Who is alone does not wait.
 */
export class StartPace {
  readonly #options: StartPaceOptions;
  /** When an owner that takes one every {@link EVERY_MS} would take the next one. */
  readonly #due = new Map<string, number>();

  constructor(options: StartPaceOptions) {
    this.#options = options;
  }

  /** Whether {@link take} lets `owner` go on at once. */
  isReady(owner: string): boolean {
    return this.#waitOf(owner) <= 0;
  }

  /**
   * How many processes `owner` has started beyond its pace, as far as that is not made up for; 0 while nobody else is
   * there.
   */
  debtOf(owner: string): number {
    const { clock, isShared } = this.#options;
    const ahead = Math.ceil(((this.#due.get(owner) ?? 0) - clock.monotonic()) / EVERY_MS);
    return ahead > 0 && isShared(owner) ? ahead : 0;
  }

  /** Resolves when `owner` may start the process that it takes with this call, or when `signal` aborts. */
  async take(owner: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const waitMs = this.#waitOf(owner);
    const due = Math.max(now, this.#due.get(owner) ?? now) + EVERY_MS;
    // Who was alone has no debt from then.
    this.#due.set(owner, waitMs > 0 ? due : Math.min(due, now + AT_ONCE * EVERY_MS));
    if (this.#due.size > MANY) for (const [each, at] of this.#due) if (at <= now) this.#due.delete(each);
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }

  #waitOf(owner: string): number {
    const { clock, isShared } = this.#options;
    const waitMs = (this.#due.get(owner) ?? 0) - (AT_ONCE - 1) * EVERY_MS - clock.monotonic();
    return waitMs > 0 && isShared(owner) ? waitMs : 0;
  }
}
