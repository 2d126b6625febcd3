import { expect, test } from 'vitest';
import { ProcessSlots } from '../../../src/relay/server/process-slots.ts';

const { signal } = new AbortController();

test('the more processes one tenant has at work, the further each next one stands back behind those of others', async () => {
  const slots = new ProcessSlots(5, 10);
  const niceness: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    await slots.take('greedy', signal);
    niceness.push(slots.nicenessFor('greedy'));
  }
  await slots.take('honest', signal);
  expect(niceness).toEqual([5, 9, 13, 17]);
  expect(slots.nicenessFor('honest')).toBe(5);
});

test('who gives up waiting leaves the line, and a slot that is given back twice is given back once', async () => {
  const slots = new ProcessSlots(1, 1);
  const release = await slots.take('one', signal);
  const stop = new AbortController();
  const waiting = slots.take('another', stop.signal);
  await expect(slots.take('third', signal)).rejects.toThrow('wait for an answer');
  stop.abort(new Error('it has gone'));
  await expect(waiting).rejects.toThrow('it has gone');
  const next = slots.take('third', signal);
  release();
  release();
  await next;
  const last = slots.take('one', signal);
  let isIn = false;
  void last.then(() => {
    isIn = true;
  });
  await new Promise((done) => setImmediate(done));
  expect(isIn).toBe(false);
});
