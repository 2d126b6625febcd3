import type { Hint } from '../model/hint.ts';
import type { Clock } from './clock.ts';

/** Why a sync starts before its period is over. */
export type WakeReason = 'period' | 'signal' | 'trigger' | 'push' | 'relay' | 'group' | 'stop';

/** Hints that are kept until they are taken; of too many, the newest. */
const MOST_HINTS = 64;

/**
 * The one queue of reasons to sync now (docs/adr/0008): many at once are one, and one that comes during a sync starts
 * another sync after it.
 */
export class WakeUps {
  readonly #clock: Clock;
  #pending: WakeReason | undefined;
  #sleeping: AbortController | undefined;
  #hints: Hint[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param hint what is new, as far as it was said; undefined: the next cycle sees it, there is nothing to wait for */
  wake(reason: Exclude<WakeReason, 'period'>, hint?: Hint): void {
    if (this.#pending !== 'stop') this.#pending = reason;
    if (hint) this.hint(hint);
    this.#sleeping?.abort();
  }

  /** Something is new; it is no reason to begin at once. */
  hint(hint: Hint): void {
    this.#hints = [...this.#hints, hint].slice(-MOST_HINTS);
  }

  /** The hints that came since this was called last. */
  takeHints(): readonly Hint[] {
    const hints = this.#hints;
    this.#hints = [];
    return hints;
  }

  /** Resolves after `ms`, or as soon as there is another reason. */
  async wait(ms: number): Promise<WakeReason> {
    if (this.#pending === undefined) {
      this.#sleeping = new AbortController();
      await this.#clock.sleep(ms, this.#sleeping.signal);
      this.#sleeping = undefined;
    }
    const reason = this.#pending ?? 'period';
    if (reason !== 'stop') this.#pending = undefined;
    return reason;
  }
}
