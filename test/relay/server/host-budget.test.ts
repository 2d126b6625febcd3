import { describe, expect, test } from 'vitest';
import { HostBudget } from '../../../src/relay/server/host-budget.ts';
import { HandClock } from '../../kit/hand-clock.ts';

describe('the budget of a host', () => {
  test('lets a burst through, spreads the rest, and gives a host that asks for time its time', async () => {
    const clock = new HandClock();
    const budget = new HostBudget(clock, 4, () => undefined);
    const { signal } = new AbortController();
    let sent = 0;
    const ask = (): void => void budget.take('h', signal).then(() => (sent += 1));
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
    void budget.take('other', signal).then(() => (sent += 10));
    await clock.advance(0);
    expect(sent).toBe(18);
    await clock.advance(1100);
    expect(sent).toBe(19);
  });

  test('says now and then that requests wait long', async () => {
    const clock = new HandClock();
    const said: number[] = [];
    const budget = new HostBudget(clock, 1, (_host, ms) => said.push(ms));
    const take = () => void budget.take('h', new AbortController().signal);
    for (let count = 0; count < 20; count += 1) take();
    expect(said).toEqual([6000]);
    await clock.advance(11 * 60_000);
    for (let count = 0; count < 20; count += 1) take();
    expect(said).toHaveLength(2);
  });
});
