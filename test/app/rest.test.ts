import { expect, test } from 'vitest';
import { Rest } from '../../src/app/rest.ts';
import { HandClock } from '../kit/hand-clock.ts';

const MANY = 1_000_000;
const used = (): number => process.memoryUsage().heapUsed;

/** @returns the bytes in use while so much was held; nothing of it is held any more */
function work(): number {
  const entries = Array.from({ length: MANY }, (_, index) => [index]);
  return entries.length === MANY ? used() : 0;
}

test('memory that an update needed is given back ten seconds later, and again after the next one', async () => {
  const clock = new HandClock();
  const rest = new Rest(clock);
  for (let update = 0; update < 2; update += 1) {
    const before = used();
    const during = work();
    rest.noteWork();
    rest.noteWork();
    await clock.advance(9999);
    await clock.advance(1);
    expect(used() - before).toBeLessThan((during - before) / 2);
  }
});
