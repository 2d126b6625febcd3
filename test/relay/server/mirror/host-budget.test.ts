import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HostBudget } from '../../../../src/relay/server/mirror/host-budget.ts';
import { HandClock } from '../../../kit/hand-clock.ts';

const ASKER = { owner: 'o', repository: 'r' };

describe('the budget of a host', () => {
  test('lets a burst through, spreads the rest, and gives a host that asks for time its time', async () => {
    const clock = new HandClock();
    const budget = new HostBudget(clock, 4, () => undefined);
    const { signal } = new AbortController();
    let sent = 0;
    const ask = (): void => void budget.take('h', ASKER, signal).then(() => (sent += 1));
    for (let count = 0; count < 8; count += 1) ask();
    await clock.advance(0);
    expect(sent).toBe(4);
    await clock.advance(250);
    expect(sent).toBe(5);
    await clock.advance(750);
    expect(sent).toBe(8);
    budget.pause('h', 5000);
    ask();
    await clock.advance(4000);
    expect(sent).toBe(8);
    void budget.take('other', ASKER, signal).then(() => (sent += 10));
    await clock.advance(0);
    expect(sent).toBe(18);
    await clock.advance(1100);
    expect(sent).toBe(19);
  });

  test('says now and then that requests wait long', async () => {
    const clock = new HandClock();
    const said: number[] = [];
    const budget = new HostBudget(clock, 1, (_host, ms) => said.push(ms));
    const take = () => void budget.take('h', ASKER, new AbortController().signal);
    for (let count = 0; count < 20; count += 1) take();
    expect(said).toEqual([6000]);
    await clock.advance(11 * 60_000);
    for (let count = 0; count < 20; count += 1) take();
    expect(said).toHaveLength(2);
  });

  test('one who asks for 499 repositories delays somebody else by one request at most, with each request', async () => {
    const clock = new HandClock();
    const budget = new HostBudget(clock, 10, () => undefined);
    const fresh = (): AbortSignal => new AbortController().signal;
    for (let count = 0; count < 499; count += 1)
      void budget.take('h', { owner: 'greedy', repository: `x${count}` }, fresh());
    await clock.advance(0);
    for (let round = 0; round < 20; round += 1) {
      let isSent = false;
      void budget.take('h', { owner: 'honest', repository: 'app' }, fresh()).then(() => {
        isSent = true;
      });
      await clock.advance(100);
      await clock.advance(100);
      expect(isSent).toBe(true);
    }
  });

  test('one who asks for little does not wait at all, however much another asks for; the rate stays the same', async () => {
    const clock = new HandClock();
    const budget = new HostBudget(clock, 10, () => undefined);
    const fresh = (): AbortSignal => new AbortController().signal;
    let sent = 0;
    for (let count = 0; count < 2000; count += 1)
      void budget.take('h', { owner: 'greedy', repository: `x${count}` }, fresh()).then(() => (sent += 1));
    void budget.take('h', { owner: 'honest', repository: 'app' }, fresh()).then(() => (sent += 1));
    // What the greedy one had at once is paid back, and a part is held back.
    for (let tenth = 0; tenth < 20; tenth += 1) await clock.advance(100);
    const before = sent;
    for (let round = 0; round < 20; round += 1) {
      for (let tenth = 0; tenth < 20; tenth += 1) await clock.advance(100);
      let now = 0;
      for (let request = 0; request < 3; request += 1)
        void budget.take('h', { owner: 'honest', repository: 'app' }, fresh()).then(() => {
          now += 1;
          sent += 1;
        });
      await clock.advance(0);
      expect(now).toBe(3);
    }
    expect(sent - before).toBeGreaterThanOrEqual(20 * 20 - 3);
    expect(sent - before).toBeLessThanOrEqual(20 * 20 + 3);
  });

  test('whatever the others ask for and give up, the first request of an owner waits for one of each of them', async () => {
    const owner = fc.constantFrom('a', 'b', 'c', 'd');
    const ask = fc.record({ owner, repository: fc.constantFrom('x', 'y'), givesUp: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(ask, { maxLength: 8 }), { maxLength: 30 }), async (ticks) => {
        const clock = new HandClock();
        const budget = new HostBudget(clock, 1, () => undefined);
        const waitsSince = new Map<string, number>();
        const waiting = new Map<string, number>();
        const tick = async (): Promise<void> => {
          await clock.advance(1000);
          // One of each of the three others, and the one that was sent just before.
          for (const since of waitsSince.values()) expect(clock.now() - since).toBeLessThanOrEqual(5000);
        };
        for (const asks of ticks) {
          const leaving: AbortController[] = [];
          for (const { owner: who, repository, givesUp } of asks) {
            const stop = new AbortController();
            if (givesUp) leaving.push(stop);
            else {
              if (!waiting.get(who)) waitsSince.set(who, clock.now());
              waiting.set(who, (waiting.get(who) ?? 0) + 1);
            }
            void budget.take('h', { owner: who, repository }, stop.signal).then(() => {
              if (givesUp) return;
              const left = (waiting.get(who) ?? 1) - 1;
              waiting.set(who, left);
              if (left > 0) waitsSince.set(who, clock.now());
              else waitsSince.delete(who);
            });
          }
          for (const stop of leaving) stop.abort();
          await tick();
        }
        for (let more = 0; more < 400 && waitsSince.size > 0; more += 1) await tick();
        expect(waitsSince.size).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
