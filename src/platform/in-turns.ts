import { setImmediate as turn } from 'node:timers/promises';

/** How long a piece of work may keep everything else waiting, in milliseconds. */
const LONGEST_MS = 4;

/** Work that can be interrupted wherever it yields. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does the work to its end, and lets nothing else go on meanwhile. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Does the work to its end, and lets other work go on whenever it has taken a few milliseconds. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  let start = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() - start < LONGEST_MS) continue;
    await turn();
    start = performance.now();
  }
}

/** Items that are taken without a look at the time. */
const ITEMS_AT_ONCE = 500;

/** Calls `work` with each of `items`, in their order; other work goes on in between where they are many. */
export async function eachInTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  await inTurns(stepsOver(items, work));
}

/** As `items.filter(isKept)`; other work goes on in between where they are many. */
export async function filterInTurns<T>(items: Iterable<T>, isKept: (item: T) => boolean): Promise<T[]> {
  const kept: T[] = [];
  await eachInTurns(items, (item) => {
    if (isKept(item)) kept.push(item);
  });
  return kept;
}

/** Calls `work` with each of `items`, and stops now and then. */
export function* stepsOver<T>(items: Iterable<T>, work: (item: T) => void): Steps<void> {
  let count = 0;
  for (const item of items) {
    if (count % ITEMS_AT_ONCE === 0 && count > 0) yield;
    count += 1;
    work(item);
  }
}
