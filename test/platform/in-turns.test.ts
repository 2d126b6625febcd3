import { expect, test } from 'vitest';
import { fetchBody } from '../../bench/tenants/fetch-body.ts';
import { eachInTurns, filterInTurns, inTurns } from '../../src/platform/in-turns.ts';
import { readCommand } from '../../src/remote/wire/command.ts';
import { writeFetchRequest } from '../../src/remote/wire/fetch-request.ts';

test('work that takes long lets other work go on in between, and gives its result', async () => {
  let others = 0;
  const other = setInterval(() => {
    others += 1;
  }, 1);
  function* work() {
    for (let index = 0; index < 20; index += 1) {
      const end = performance.now() + 5;
      while (performance.now() < end);
      yield;
    }
    return 'done';
  }
  expect(await inTurns(work())).toBe('done');
  clearInterval(other);
  expect(others).toBeGreaterThan(5);
});

test('other work waits for one of many pieces at a time, and all of them come to their end', async () => {
  let rounds = 0;
  let isOver = false;
  const goRound = (): void => {
    rounds += 1;
    if (!isOver) setImmediate(goRound);
  };
  setImmediate(goRound);
  function* work() {
    for (let index = 0; index < 30; index += 1) {
      const end = performance.now() + 1;
      while (performance.now() < end);
      yield;
    }
    return 'done';
  }
  const all = await Promise.all(Array.from({ length: 10 }, async () => await inTurns(work())));
  isOver = true;
  expect(all).toEqual(Array.from({ length: 10 }, () => 'done'));
  // 300 steps of a millisecond, at most three of them in a round.
  expect(rounds).toBeGreaterThan(90);
});

test('many items are taken in their order, and other work goes on in between', async () => {
  let others = 0;
  const other = setInterval(() => {
    others += 1;
  }, 1);
  const numbers = Array.from({ length: 20_000 }, (_, index) => index);
  const seen: number[] = [];
  await eachInTurns(numbers, (number) => {
    const end = performance.now() + 0.005;
    while (performance.now() < end);
    seen.push(number);
  });
  clearInterval(other);
  expect(others).toBeGreaterThan(5);
  expect(seen).toEqual(numbers);
  expect(await filterInTurns(numbers, (number) => number % 5000 === 1)).toEqual([1, 5001, 10_001, 15_001]);
});

test('a question of 80,000 ids can be interrupted a hundred times while it is read, and while it is written anew', () => {
  const lines = Array.from({ length: 80_000 }, (_, index) => `want ${index.toString(16).padStart(40, '0')}`);
  const reading = readCommand(fetchBody([...lines, 'done']), 'sha1');
  let stops = 0;
  let step = reading.next();
  for (; step.done !== true; step = reading.next()) stops += 1;
  expect(stops).toBeGreaterThan(100);
  if (step.value.name !== 'fetch') throw new Error('it is no fetch');
  expect(step.value.request.wants).toHaveLength(80_000);
  const writing = writeFetchRequest(step.value.request, 'sha1');
  let written = writing.next();
  for (stops = 0; written.done !== true; written = writing.next()) stops += 1;
  expect(stops).toBeGreaterThan(100);
  expect(written.value.length).toBeGreaterThan(80_000 * 50);
});
