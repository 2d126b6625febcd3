import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairQueue } from '../../src/platform/fair-queue.ts';
import { FairRate } from '../../src/platform/fair-rate.ts';
import { FairRoom } from '../../src/platform/fair-room.ts';
import { Shares } from '../../src/platform/shares.ts';
import { HandClock } from '../kit/hand-clock.ts';

const OWNERS = ['a', 'b', 'c', 'd'] as const;
const owner = fc.constantFrom(...OWNERS);

test('places: nobody who holds less than an equal share is refused, and there are never more than there may be', () => {
  const step = fc.record({ owner, leaves: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 12 }), fc.array(step, { maxLength: 200 }), (most, steps) => {
      const shares = new Shares(most);
      const held = new Map<string, number>(OWNERS.map((each) => [each, 0]));
      const move = (who: string, by: 1 | -1): void => {
        held.set(who, (held.get(who) ?? 0) + by);
        if (by === 1) shares.add(who);
        else shares.remove(who);
      };
      for (const { owner: who, leaves } of steps) {
        const own = held.get(who) ?? 0;
        if (leaves) {
          if (own > 0) move(who, -1);
          continue;
        }
        const rival = shares.isFull ? shares.rivalOf(who) : undefined;
        if (rival !== undefined) {
          expect(held.get(rival)).toBe(Math.max(...held.values()));
          expect(held.get(rival)).toBeGreaterThan(own + 1);
          move(rival, -1);
        }
        if (!shares.isFull) move(who, 1);
        else expect(own).toBeGreaterThanOrEqual(Math.floor(most / OWNERS.length));
        expect(shares.total).toBe([...held.values()].reduce((sum, each) => sum + each, 0));
        expect(shares.total).toBeLessThanOrEqual(most);
        for (const each of OWNERS) expect(shares.of(each)).toBe(held.get(each));
      }
    }),
  );
});

test('turns: the first item of an owner comes after at most one of each other owner, and everything comes once', () => {
  const added = fc.record({ owner, group: fc.constantFrom('x', 'y', 'z') });
  const step = fc.oneof(added, fc.constant('next' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<{ owner: string; group: string; nr: number }>();
      const waiting: { owner: string; group: string; nr: number }[] = [];
      /** Turns that others had since the owner, or the group in its owner, began to wait. */
      const passed = new Map<string, string[]>();
      const give = (): void => {
        const item = queue.next()?.item;
        if (!item) {
          expect(waiting).toEqual([]);
          return;
        }
        const index = waiting.indexOf(item);
        expect(index).toBeGreaterThanOrEqual(0);
        // In its group it is the oldest.
        expect(waiting.findIndex((each) => each.owner === item.owner && each.group === item.group)).toBe(index);
        waiting.splice(index, 1);
        for (const [who, turns] of passed) if (who !== item.owner) turns.push(item.owner);
        passed.delete(item.owner);
        if (waiting.some((each) => each.owner === item.owner)) passed.set(item.owner, []);
        for (const turns of passed.values()) expect(new Set(turns).size).toBe(turns.length);
      };
      steps.forEach((each, nr) => {
        if (each === 'next') give();
        else {
          const item = { ...each, nr };
          if (!waiting.some(({ owner: who }) => who === item.owner)) passed.set(item.owner, []);
          waiting.push(item);
          queue.add(item.owner, item.group, item);
        }
        expect(queue.size).toBe(waiting.length);
      });
      while (waiting.length > 0) give();
      expect(queue.owners).toBe(0);
    }),
  );
});

test('a rate: who is alone gets all of it; of two who want too much each gets half; who comes new is never refused', async () => {
  const clock = new HandClock();
  const rate = new FairRate(clock, 100);
  const passed = { greedy: 0, other: 0 };
  const flood = (who: 'greedy' | 'other'): void => {
    for (let tries = 0; tries < 50; tries += 1) if (rate.take(who)) passed[who] += 1;
  };
  for (let tick = 0; tick < 100; tick += 1) {
    flood('greedy');
    await clock.advance(100);
  }
  // Ten seconds of a hundred, and the three quarters that were saved up.
  expect(passed.greedy).toBeGreaterThan(1000);
  expect(passed.greedy).toBeLessThanOrEqual(1075);
  expect(rate.take('new')).toBe(true);
  passed.greedy = 0;
  for (let tick = 0; tick < 200; tick += 1) {
    flood(tick % 2 === 0 ? 'greedy' : 'other');
    flood(tick % 2 === 0 ? 'other' : 'greedy');
    await clock.advance(100);
    expect(rate.take('modest')).toBe(true);
  }
  expect(Math.abs(passed.greedy - passed.other)).toBeLessThan(100);
  expect(passed.greedy + passed.other).toBeLessThanOrEqual(2000);
  expect(passed.greedy + passed.other).toBeGreaterThan(1600);
});

test.each([
  { greedy: ['a', 'b'], places: 5 },
  { greedy: ['a', 'b', 'c'], places: 17 },
])(
  'room: however $greedy.length owners come and go in $places places or more, a new one gets a place, and nobody waits in vain',
  async ({ greedy, places }) => {
    const coming = fc.record({ owner: fc.constantFrom(...greedy), times: fc.integer({ min: 1, max: places }) });
    const step = fc.oneof(coming, fc.constant('leave' as const));
    const rooms = fc.integer({ min: places, max: 2 * places });
    await fc.assert(
      fc.asyncProperty(rooms, fc.array(step, { maxLength: 30 }), async (most, steps) => {
        const room = new FairRoom(() => most);
        const held: (() => void)[] = [];
        let waiting = 0;
        for (const each of steps) {
          if (each === 'leave') held.shift()?.();
          else
            for (let times = 0; times < each.times; times += 1) {
              waiting += 1;
              void room.enter(each.owner, 'x', new AbortController().signal).then((leave) => {
                waiting -= 1;
                if (leave) held.push(leave);
              });
            }
          await new Promise((done) => setImmediate(done));
          expect(held.length).toBeLessThan(most);
          const place = room.tryEnter('new');
          expect(place).toBeDefined();
          place?.();
          await new Promise((done) => setImmediate(done));
        }
        for (let leave = held.shift(); leave; leave = held.shift()) {
          leave();
          await new Promise((done) => setImmediate(done));
        }
        expect(waiting).toBe(0);
      }),
      { numRuns: 200 },
    );
  },
);

test('room: who gives up waiting is not let in, and takes the place of nobody', async () => {
  const room = new FairRoom(() => 1);
  const first = room.tryEnter('a');
  const stop = new AbortController();
  const gaveUp = room.enter('b', 'x', stop.signal);
  const waits = room.enter('c', 'x', new AbortController().signal);
  stop.abort();
  expect(await gaveUp).toBeUndefined();
  first?.();
  first?.();
  expect(await waits).toBeDefined();
  expect(room.tryEnter('a')).toBeUndefined();
});
