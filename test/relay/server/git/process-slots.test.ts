import { describe, expect, test } from 'vitest';
import { ProcessSlots } from '../../../../src/relay/server/git/process-slots.ts';
import { StartPace } from '../../../../src/relay/server/git/start-pace.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { noPace } from '../../../kit/no-pace.ts';

const { signal } = new AbortController();

test('the more processes one tenant has at work, the further each next one stands back behind those of others', async () => {
  const slots = new ProcessSlots({ most: 6, mostWaiting: 10, pace: noPace() });
  const niceness: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    await slots.take('greedy', signal);
    niceness.push(slots.nicenessFor('greedy'));
  }
  await slots.take('honest', signal);
  expect(niceness).toEqual([1, 10, 15, 19]);
  expect(slots.nicenessFor('honest')).toBe(1);
});

test('who has started very many lately stands back with its first process too, until it has made up for them', async () => {
  const clock = new HandClock();
  const pace = new StartPace({ clock, isShared: () => true });
  const slots = new ProcessSlots({ most: 6, mostWaiting: 100, pace });
  for (let count = 0; count < 40; count += 1) (await slots.take('greedy', signal))();
  (await slots.take('honest', signal))();
  expect([slots.nicenessFor('greedy'), slots.nicenessFor('honest')]).toEqual([19, 1]);
  await clock.advance(40 * 200);
  expect(slots.nicenessFor('greedy')).toBe(1);
});

test('who has started very many lately has one process at a time, of one core, and others have theirs at once', async () => {
  const clock = new HandClock();
  const pace = new StartPace({ clock, isShared: () => true });
  const slots = new ProcessSlots({ most: 6, mostWaiting: 100, pace });
  for (let count = 0; count < 40; count += 1) (await slots.take('greedy', signal))();
  const release = await slots.take('greedy', signal);
  let isIn = false;
  void slots.take('greedy', signal).then(() => {
    isIn = true;
  });
  await slots.take('honest', signal);
  await slots.take('honest', signal);
  await new Promise((done) => setImmediate(done));
  expect(isIn).toBe(false);
  expect([slots.settingsFor('greedy'), slots.settingsFor('honest')]).toEqual([['-c', 'pack.threads=1'], []]);
  release();
  await new Promise((done) => setImmediate(done));
  expect(isIn).toBe(true);
});

test('who gives up waiting leaves the line, and a slot that is given back twice is given back once', async () => {
  const slots = new ProcessSlots({ most: 1, mostWaiting: 1, pace: noPace() });
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

describe('processes for one tenant that starts very many, one after the other', () => {
  /** @returns how many of `count` have started and ended */
  async function startMany(slots: ProcessSlots, owner: string, count: number): Promise<() => number> {
    let started = 0;
    for (let index = 0; index < count; index += 1)
      void slots.take(owner, signal).then((release) => {
        started += 1;
        release();
      });
    await new Promise((done) => setImmediate(done));
    return () => started;
  }

  test('start at once while nobody else is there', async () => {
    const slots = new ProcessSlots({ most: 6, mostWaiting: 1000, pace: noPace() });
    expect((await startMany(slots, 'fleet', 500))()).toBe(500);
  });

  test('start at a pace after the first ones where others use the relay; those of another start at once', async () => {
    const clock = new HandClock();
    const slots = new ProcessSlots({
      most: 5,
      mostWaiting: 1000,
      pace: new StartPace({ clock, isShared: () => true }),
    });
    const started = await startMany(slots, 'greedy', 200);
    expect(started()).toBe(64);
    expect((await startMany(slots, 'honest', 64))()).toBe(64);
    await clock.advance(1000);
    expect(started()).toBe(69);
    await clock.advance(60_000);
    expect(started()).toBe(200);
  });

  test('stop after answers of 256 MiB where others use the relay, also those that waited for a slot, and go on by and by', async () => {
    const clock = new HandClock();
    const pace = new StartPace({ clock, isShared: () => true });
    const slots = new ProcessSlots({ most: 3, mostWaiting: 1000, pace });
    let started = 0;
    const clone = async (): Promise<void> => {
      const release = await slots.take('greedy', signal);
      started += 1;
      await new Promise((done) => setImmediate(done));
      pace.noteAnswer('greedy', 20 * 2 ** 20);
      release();
    };
    const all = Promise.all(Array.from({ length: 40 }, clone));
    for (let turn = 0; turn < 500; turn += 1) await new Promise((done) => setImmediate(done));
    expect(started).toBeGreaterThanOrEqual(13);
    expect(started).toBeLessThan(20);
    expect((await startMany(slots, 'honest', 20))()).toBe(20);
    for (let second = 0; second < 40; second += 1) await clock.advance(1000);
    await all;
    expect(started).toBe(40);
  });

  test('of a whole clone of a huge repository its owner does not wait longer than for a few processes', async () => {
    const clock = new HandClock();
    const pace = new StartPace({ clock, isShared: () => true });
    const slots = new ProcessSlots({ most: 6, mostWaiting: 1000, pace });
    pace.noteAnswer('owner', 50 * 2 ** 30);
    expect((await startMany(slots, 'owner', 10))()).toBe(10);
  });

  test('leave a line that is bounded while they wait for their turn', async () => {
    const clock = new HandClock();
    const slots = new ProcessSlots({ most: 6, mostWaiting: 8, pace: new StartPace({ clock, isShared: () => true }) });
    for (let count = 0; count < 64; count += 1) (await slots.take('greedy', signal))();
    const stop = new AbortController();
    const waiting = Array.from({ length: 6 }, () => slots.take('greedy', stop.signal));
    expect(() => slots.requireRoom('greedy')).toThrow('wait for an answer');
    expect(() => slots.requireRoom('honest')).not.toThrow();
    stop.abort(new Error('it has gone'));
    for (const each of waiting) await expect(each).rejects.toThrow('it has gone');
    expect(() => slots.requireRoom('greedy')).not.toThrow();
  });

  test('who was alone with thousands of them has no debt when another one comes', async () => {
    const clock = new HandClock();
    let isShared = false;
    const pace = new StartPace({ clock, isShared: () => isShared });
    const slots = new ProcessSlots({ most: 6, mostWaiting: 1000, pace });
    await startMany(slots, 'fleet', 500);
    isShared = true;
    const started = await startMany(slots, 'fleet', 1);
    await clock.advance(400);
    expect(started()).toBe(1);
  });
});
