import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Bodies } from '../../../src/serve/inbound/bodies.ts';
import { Strangers } from '../../../src/serve/inbound/strangers.ts';
import { HandClock } from '../../kit/hand-clock.ts';

const LIMITS = {
  most: 100_000,
  mostOfAddress: 200_000,
  mostInAll: 400_000,
  countOfAddress: 20,
  count: 50,
  ms: 10_000,
};

function setUp() {
  const clock = new HandClock();
  const bodies = new Bodies(clock, LIMITS);
  const begin = (address: string, headers: Record<string, string> = {}) => {
    const stream = new PassThrough();
    const done = bodies.read(Object.assign(stream, { headers }) as unknown as IncomingMessage, address);
    const send = async (bytes: number | string): Promise<void> => {
      stream.write(typeof bytes === 'string' ? bytes : Buffer.alloc(bytes, 'x'));
      await turn();
    };
    return { stream, done, send };
  };
  return { clock, bodies, begin };
}

const turn = async (): Promise<void> => await new Promise((done) => setImmediate(done));

describe('bodies of notifications', () => {
  test('one that comes in pieces is put together', async () => {
    const { begin, bodies } = setUp();
    const { send, stream, done } = begin('a');
    for (const piece of ['{"a":', '1', '}']) await send(piece);
    stream.end();
    expect(String(await done)).toBe('{"a":1}');
    expect(bodies.held).toBe(0);
  });

  test('one byte at a time takes no more memory than at once', async () => {
    const { begin, bodies } = setUp();
    const { send } = begin('a');
    for (let count = 0; count < 5000; count += 1) await send(1);
    expect(bodies.held).toBeLessThanOrEqual(2 * 5000);
  });

  test('one that is too large is not read on, also when it announces its size', async () => {
    const { begin, bodies } = setUp();
    expect(await begin('a', { 'content-length': '100001' }).done).toBe('too large');
    const { send, done } = begin('a');
    await send(60_000);
    await send(60_000);
    expect(await done).toBe('too large');
    expect(bodies.held).toBe(0);
  });

  test('one that stalls is given up in time', async () => {
    const { begin, clock } = setUp();
    const { send, done } = begin('a');
    await send(10);
    await clock.advance(LIMITS.ms);
    expect(await done).toBe('too slow');
  });

  test('one whose sender goes away is forgotten', async () => {
    const { begin, bodies } = setUp();
    const { stream, done, send } = begin('a');
    await send(10);
    stream.destroy();
    expect(await done).toBe('gone');
    expect(bodies.held).toBe(0);
  });

  test('those that stall make room for one that comes now, from the same address too', async () => {
    const { begin, bodies, clock } = setUp();
    const stalled = Array.from({ length: 12 }, (_, index) => begin(`stranger ${index % 3}`));
    for (const { send } of stalled) await send(90_000);
    expect(bodies.held).toBeLessThanOrEqual(LIMITS.mostInAll);
    await clock.advance(1500);
    const honest = begin('stranger 0');
    await honest.send(30_000);
    await honest.send(30_000);
    honest.stream.end();
    expect((await honest.done).length).toBe(60_000);
    expect(bodies.held).toBeLessThanOrEqual(LIMITS.mostInAll);
  });

  test('a crowd of small ones in their first second does not crowd out one of them that is quick', async () => {
    const { begin } = setUp();
    for (let count = 0; count < 100; count += 1) void begin('stranger');
    const honest = begin('stranger');
    await honest.send(2000);
    for (let count = 0; count < LIMITS.countOfAddress - 1; count += 1) void begin('stranger');
    honest.stream.end();
    expect((await honest.done).length).toBe(2000);
  });

  test('while all are in their time, the largest goes, not the one that sends little', async () => {
    const { begin } = setUp();
    const honest = begin('honest');
    await honest.send(5000);
    const greedy = Array.from({ length: 6 }, (_, index) => begin(`greedy ${index}`));
    for (const { send } of greedy) await send(90_000);
    honest.stream.end();
    expect((await honest.done).length).toBe(5000);
  });
});

describe('strangers', () => {
  test('each address has its share, and all of them together', async () => {
    const clock = new HandClock();
    const strangers = new Strangers(clock);
    const noted = (address: string, times: number) =>
      Array.from({ length: times }, () => strangers.note(address)).filter(Boolean).length;
    expect(noted('a', 100)).toBe(20);
    expect(noted('b', 100)).toBe(20);
    expect(noted('c', 100)).toBe(20);
    expect(noted('d', 100)).toBe(0);
    await clock.advance(1000);
    expect(noted('e', 100)).toBe(10);
  });

  test('a million addresses are not remembered', () => {
    const strangers = new Strangers(new HandClock());
    for (let count = 0; count < 5000; count += 1) strangers.note(`address ${count}`);
    expect(strangers.known).toBe(1000);
  });
});
