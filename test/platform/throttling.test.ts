import { expect, test } from 'vitest';
import { Throttling } from '../../src/platform/throttling.ts';

/** A group and a clock that the test moves. */
function bounded(limit: number | undefined) {
  let now = 1000;
  let heldMs = 500;
  const throttling = new Throttling({ limit, heldBackMs: () => heldMs }, () => now);
  const pass = (ms: number, held: number): void => {
    now += ms;
    heldMs += held;
    throttling.look();
  };
  return { throttling, pass };
}

test('says how long the bound held us back in the time before, not since ever', () => {
  const { throttling, pass } = bounded(0.02);
  pass(10_000, 9000);
  pass(5000, 0);
  pass(5000, 1500);
  expect(throttling.within(5000)).toEqual({ limit: 0.02, heldMs: 1500, ofMs: 5000 });
  expect(throttling.within(10_000)).toEqual({ limit: 0.02, heldMs: 1500, ofMs: 10_000 });
  // There is nothing to compare with before the start; what was counted then is not ours.
  expect(throttling.within(60_000)).toEqual({ limit: 0.02, heldMs: 10_500, ofMs: 20_000 });
});

test('two cores that wait at the same time are no more than the time that passed', () => {
  const { throttling, pass } = bounded(0.02);
  pass(1000, 1900);
  expect(throttling.within(1000)).toEqual({ limit: 0.02, heldMs: 1000, ofMs: 1000 });
});

test('says nothing where nothing was held back, or where there is no bound', () => {
  const idle = bounded(0.02);
  idle.pass(1000, 0);
  expect(idle.throttling.within(1000)).toBeUndefined();
  const free = bounded(undefined);
  free.pass(1000, 900);
  expect(free.throttling.within(1000)).toBeUndefined();
});

test('forgets what is long ago', () => {
  const { throttling, pass } = bounded(0.02);
  for (let second = 0; second < 2000; second += 1) pass(1000, 10);
  expect(throttling.within(10_000_000)?.ofMs).toBeLessThanOrEqual(600_000);
});
