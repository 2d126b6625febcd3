import { setTimeout as delay } from 'node:timers/promises';

/** Time as the rest of the program sees it, so that tests can own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Milliseconds on a clock that never jumps. `performance.now()` says the same, and loads nine modules of Node that
 * nothing else needs.
 */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Longest delay that setTimeout takes before it wraps round to "at once". */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic,
  sleep: async (ms, signal) => {
    if (signal?.aborted) return;
    const bounded = Math.min(Math.max(0, ms), LONGEST_TIMER_MS);
    await delay(bounded, undefined, signal ? { signal } : {}).catch(() => undefined);
  },
};

/** Calls `action` in `ms`. @returns what cancels that */
export function after(clock: Clock, ms: number, action: () => void): () => void {
  const waiting = new AbortController();
  const { signal } = waiting;
  void clock.sleep(ms, signal).then(() => {
    if (!signal.aborted) action();
  });
  return () => waiting.abort();
}

/** A number in [0, 1), as Math.random gives it. */
export type Random = () => number;
