import type { Clock } from '../platform/clock.ts';
import type { Exit } from '../platform/process/runner.ts';
import type { Instance } from './instance.ts';
import type { Release } from './state.ts';

/** How a probation ended. */
export type Verdict =
  /** It lived long enough. */
  | { readonly kind: 'proven' }
  | { readonly kind: 'died'; readonly exit: Exit }
  /** It was stopped by us: a newer revision came, or run ends. */
  | { readonly kind: 'superseded' };

/** A release whose process is ready and serves, and has yet to show that it lives. */
export class Trial {
  readonly release: Release;
  readonly instance: Instance;
  readonly verdict: Promise<Verdict>;
  readonly #ending = new AbortController();
  #decided: 'proven' | 'superseded' | undefined;

  /** @param forMs milliseconds; 0: it is proven at once */
  constructor(release: Release, instance: Instance, forMs: number, clock: Clock) {
    this.release = release;
    this.instance = instance;
    this.verdict = this.#judge(forMs, clock);
  }

  /** Ends the probation without a result. */
  supersede(): void {
    this.#decided ??= 'superseded';
    this.#ending.abort();
  }

  /** Takes it for proven before the time is over: there is nothing better to go back to. */
  prove(): void {
    this.#decided ??= 'proven';
    this.#ending.abort();
  }

  async #judge(forMs: number, clock: Clock): Promise<Verdict> {
    const time = forMs > 0 ? clock.sleep(forMs, this.#ending.signal) : Promise.resolve();
    const exit = await Promise.race([this.instance.exited, time.then(() => undefined)]);
    this.#ending.abort();
    if (this.#decided) return { kind: this.#decided };
    return exit === undefined ? { kind: 'proven' } : { kind: 'died', exit };
  }
}
