import type { CpuGroup } from './cpu-limit.ts';

/** How long the bound on processor time held our processes back. */
export interface HeldBack {
  /** The bound, in cores. */
  readonly limit: number;
  readonly heldMs: number;
  /** Of this time, up to now. */
  readonly ofMs: number;
}

interface Sample {
  readonly at: number;
  readonly heldMs: number;
}

const EVERY_MS = 1000;
/** Longer than most waits may be. */
const REMEMBERED = 600;

/**
 * Remembers when a bound on processor time held our processes back, so that a wait that was given up can be explained.
 * Without such a bound it does nothing at all.
 */
export class Throttling {
  readonly #group: CpuGroup;
  readonly #now: () => number;
  readonly #samples: Sample[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds on a clock that never jumps */
  constructor(group: CpuGroup, now: () => number) {
    this.#group = group;
    this.#now = now;
    if (group.limit !== undefined) this.look();
  }

  /** Looks from now on, until {@link stop}; keeps no process alive. */
  start(): void {
    if (this.#group.limit !== undefined) this.#timer = setInterval(() => this.look(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at once. */
  look(): void {
    this.#samples.push({ at: this.#now(), heldMs: this.#group.heldBackMs() });
    if (this.#samples.length > REMEMBERED) this.#samples.shift();
  }

  /** What happened in the last `ms`, or since the start; undefined without a bound, and where it held nothing back. */
  within(ms: number): HeldBack | undefined {
    const { limit } = this.#group;
    if (limit === undefined) return undefined;
    const now = this.#now();
    const first = this.#samples.findLast(({ at }) => at <= now - ms) ?? this.#samples[0];
    if (!first) return undefined;
    const ofMs = now - first.at;
    // Each core of the machine has its own count.
    const heldMs = Math.min(ofMs, this.#group.heldBackMs() - first.heldMs);
    return heldMs > 0 ? { limit, heldMs, ofMs } : undefined;
  }
}
