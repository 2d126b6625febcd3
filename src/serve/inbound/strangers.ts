import type { Clock } from '../../platform/clock.ts';
import { RateLimit } from '../../platform/rate-limit.ts';

/** Addresses that are remembered; the one that was heard of least recently is forgotten first. */
const MOST_ADDRESSES = 1000;
const OF_ADDRESS = { atOnce: 20, perSecond: 1 };
const IN_ALL = { atOnce: 60, perSecond: 10 };

/**
 * How many wrong requests are accepted. Only requests that turned out not to be genuine are counted, so no stranger can
 * use up what a git host needs, also where all come from the address of one proxy.
 */
export class Strangers {
  readonly #clock: Clock;
  readonly #all: RateLimit;
  readonly #byAddress = new Map<string, RateLimit>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = new RateLimit(clock, IN_ALL.atOnce, IN_ALL.perSecond);
  }

  /** @returns false when it was too often: the answer is 429, and no line is logged */
  note(address: string): boolean {
    const own = this.#byAddress.get(address) ?? new RateLimit(this.#clock, OF_ADDRESS.atOnce, OF_ADDRESS.perSecond);
    this.#byAddress.delete(address);
    this.#byAddress.set(address, own);
    const [oldest] = this.#byAddress.keys();
    if (this.#byAddress.size > MOST_ADDRESSES && oldest !== undefined) this.#byAddress.delete(oldest);
    return own.take() && this.#all.take();
  }

  /** Addresses that are remembered now. */
  get known(): number {
    return this.#byAddress.size;
  }
}
