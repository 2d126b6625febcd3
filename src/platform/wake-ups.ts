import type { Clock } from './clock.ts';

/** Why a sync starts before its period is over. */
export type WakeReason = 'period' | 'signal' | 'trigger' | 'push' | 'relay' | 'stop';

/** The one queue of reasons to sync now (design.md D8): many at once are one, and one that comes during a sync counts after it. */
export class WakeUps {
  readonly #clock: Clock;
  #pending: WakeReason | undefined;
  #sleeping: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(reason: Exclude<WakeReason, 'period'>): void {
    if (this.#pending !== 'stop') this.#pending = reason;
    this.#sleeping?.abort();
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
