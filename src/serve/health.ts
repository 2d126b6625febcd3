import { type Verdict, YES } from '../model/verdict.ts';
import type { Clock } from '../platform/clock.ts';

/** Whether this process has done its work, and how long ago. */
export class Health {
  readonly #clock: Clock;
  readonly #maxStalenessMs: number;
  #lastSuccess: number | undefined;
  #trouble: () => string | undefined = () => undefined;

  constructor(clock: Clock, maxStalenessMs: number) {
    this.#clock = clock;
    this.#maxStalenessMs = maxStalenessMs;
  }

  /** The remote was asked and what it has is published. */
  succeeded(): void {
    this.#lastSuccess = this.#clock.monotonic();
  }

  /** git-sync's `/`: 200 from the first success on, whatever happens later. */
  get isInitialized(): boolean {
    return this.#lastSuccess !== undefined;
  }

  /** @param trouble what keeps this process from working, until it is ended; undefined while nothing does */
  watch(trouble: () => string | undefined): void {
    this.#trouble = trouble;
  }

  /** `/healthz`: no while something here hangs that only a new process can help. */
  liveness(): Verdict {
    const trouble = this.#trouble();
    return trouble === undefined ? YES : { ok: false, text: trouble };
  }

  /** `/readyz`: also turns back to "no" when the last success is older than `--max-staleness`. */
  readiness(): Verdict {
    if (this.#lastSuccess === undefined) return { ok: false, text: 'repo is not ready' };
    const age = this.#clock.monotonic() - this.#lastSuccess;
    if (this.#maxStalenessMs > 0 && age > this.#maxStalenessMs) {
      return { ok: false, text: `stale: the last successful check was ${Math.round(age / 1000)} s ago` };
    }
    return YES;
  }
}
