import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from './target.ts';

/** What came of the requests of one attack: how often each status, or `closed`, `late`, `refused` without one. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(outcome: string | number, times = 1): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + times;
  }
}

export interface Attack {
  readonly name: string;
  /** Goes on until `signal` aborts, and leaves nothing open then. */
  readonly run: (target: Target, tally: Tally, signal: AbortSignal) => Promise<void>;
}

/** Begins `work` so many times a second, with at most `atOnce` under way, until `signal` aborts and all has ended. */
export async function atRate(
  perSecond: number,
  atOnce: number,
  signal: AbortSignal,
  work: (index: number) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  for (let index = 0; !signal.aborted; index += 1) {
    if (underWay.size < atOnce) {
      const one: Promise<void> = work(index)
        .catch(() => undefined)
        .finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await delay(1000 / perSecond, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(underWay);
}
