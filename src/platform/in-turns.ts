/** How long all such work together may keep everything else waiting, in milliseconds. */
const LONGEST_MS = 3;

/** Pieces of work that wait for their turns: one goes on each time the event loop comes round. */
const waiting: (() => void)[] = [];
/** How long such work has taken since the loop came round. */
let usedMs = 0;

/** Work that can be interrupted wherever it yields. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does the work to its end, and lets nothing else go on meanwhile. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Does the work to its end, and lets other work go on whenever it, and others like it, have taken a few milliseconds. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const start = performance.now();
    const { done, value } = steps.next();
    usedMs += performance.now() - start;
    if (done === true) return value;
    if (usedMs >= LONGEST_MS) await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(comeRound);
  });
}

function comeRound(): void {
  usedMs = 0;
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(comeRound);
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
