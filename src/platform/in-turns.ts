import { setImmediate as turn } from 'node:timers/promises';

/** How long a piece of work may keep everything else waiting, in milliseconds. */
const LONGEST_MS = 4;

/** Work that can be interrupted wherever it yields. */
export type Steps<T> = Generator<undefined, T, undefined>;

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
