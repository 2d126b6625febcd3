import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { drained } from '../../src/platform/drained.ts';

function full(): PassThrough {
  const stream = new PassThrough({ highWaterMark: 1 });
  stream.write('xx');
  return stream;
}

test('a reader that takes what there is lets its writer go on', async () => {
  const stream = full();
  const waiting = drained(stream, 60_000);
  stream.resume();
  expect(await waiting).toBe(true);
});

test('a reader that closes, or takes nothing for too long, does not', async () => {
  const stream = full();
  const waiting = drained(stream, 60_000);
  stream.destroy();
  expect(await waiting).toBe(false);
  const silent = full();
  expect(await drained(silent, 20)).toBe(false);
  expect([silent.listenerCount('drain'), silent.listenerCount('close')]).toEqual([0, 0]);
});
