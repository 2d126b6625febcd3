import { describe, expect, test } from 'vitest';
import type { Hint } from '../../src/model/hint.ts';
import { WakeUps } from '../../src/platform/wake-ups.ts';
import { Hints } from '../../src/poll/hints.ts';
import { HandClock } from '../kit/hand-clock.ts';

const MAIN = 'refs/heads/main';
const PERIOD_MS = 600_000;

/** A loop that asks a server, as a sync and a relay do, on a clock of its own. */
function setUp() {
  const clock = new HandClock();
  const wakeUps = new WakeUps(clock);
  const hints = new Hints(clock, wakeUps);
  const start = clock.monotonic();
  let tip = 'a';
  let shown = 'a';
  let isDown = false;
  const asked: number[] = [];
  const state = { isStopped: false };
  const view = (ref: string | undefined): readonly string[] | undefined =>
    ref === undefined || ref === MAIN ? [shown] : undefined;
  const loop = async (): Promise<void> => {
    while (!state.isStopped) {
      asked.push((clock.monotonic() - start) / 1000);
      if (!isDown) shown = tip;
      hints.asked(isDown ? undefined : view);
      await hints.wait(PERIOD_MS, view, isDown);
    }
  };
  void loop();
  return {
    clock,
    asked,
    say: (hint: Hint) => wakeUps.wake('push', hint),
    /** What the server answers from now on. */
    move: (to: string) => {
      tip = to;
    },
    shown: () => shown,
    down: (value: boolean) => {
      isDown = value;
    },
    /** Lets time pass. @returns how often the server was asked meanwhile */
    pass: async (seconds: number): Promise<number> => {
      const before = asked.length;
      for (let passed = 0; passed < seconds; passed += 0.25) await clock.advance(250);
      return asked.length - before;
    },
  };
}

describe('a hint that outruns the git server’s replica', () => {
  test.each([2, 10, 30, 60])('is followed until the ref shows its commit, %i s later', async (lag) => {
    const { say, move, pass, shown, asked } = setUp();
    await pass(1);
    say({ ref: MAIN, from: 'a', to: 'b' });
    await pass(lag);
    expect(shown()).toBe('a');
    move('b');
    await pass(10.25);
    expect(shown()).toBe('b');
    expect(asked.length).toBeLessThan(16);
    expect(await pass(200)).toBe(0);
  });

  test('comes true with the first answer: nothing more is asked', async () => {
    const { say, move, pass } = setUp();
    move('b');
    say({ ref: MAIN, from: 'a', to: 'b' });
    expect(await pass(1)).toBe(1);
    expect(await pass(200)).toBe(0);
  });

  test('something newer than what we had is as good as what was named', async () => {
    const { say, move, pass } = setUp();
    say({ ref: MAIN, to: 'b' });
    await pass(5);
    move('c');
    await pass(5);
    expect(await pass(200)).toBe(0);
  });

  test('the commit that was pushed before it is not taken for newer', async () => {
    const { say, move, pass, shown } = setUp();
    say({ ref: MAIN, from: 'b', to: 'c' });
    move('b');
    await pass(5);
    move('c');
    await pass(5);
    expect(shown()).toBe('c');
  });

  test.each([
    [['b', 'c'], 'with'],
    [['c', 'b'], 'with'],
    [['b', 'c'], 'without'],
    [['c', 'b'], 'without'],
  ])('two notifications in the order %j, %s the commits before: the last commit comes', async (order, how) => {
    const { say, move, pass, shown } = setUp();
    for (const to of order) say({ ref: MAIN, to, ...(how === 'with' && { from: to === 'b' ? 'a' : 'b' }) });
    await pass(3);
    move('b');
    await pass(5);
    move('c');
    await pass(8);
    expect(shown()).toBe('c');
    // Those of whom we know that they came before are settled as well.
    if (how === 'with') expect(await pass(200)).toBe(0);
  });

  test('one that comes while the server is being asked is not settled by that answer', async () => {
    const { say, move, pass, shown } = setUp();
    say({ ref: MAIN, to: 'b' });
    move('b');
    // The question for b is under way when c is told of.
    say({ ref: MAIN, to: 'c' });
    await pass(3);
    expect(shown()).toBe('b');
    move('c');
    await pass(5);
    expect(shown()).toBe('c');
  });

  test('goes back and forth: a commit that was there before is waited for as well', async () => {
    const { say, move, pass, shown } = setUp();
    move('b');
    say({ ref: MAIN, from: 'a', to: 'b' });
    await pass(3);
    say({ ref: MAIN, from: 'b', to: 'a' });
    await pass(3);
    move('a');
    await pass(5);
    expect(shown()).toBe('a');
  });
});

describe('what hints may cost', () => {
  test('a commit that never comes costs less than 20 questions, then none', async () => {
    const { say, pass } = setUp();
    say({ ref: MAIN, to: 'never' });
    expect(await pass(150)).toBeLessThan(20);
    expect(await pass(300)).toBe(0);
  });

  test('the same one again is asked for once, and not followed again', async () => {
    const { say, pass } = setUp();
    say({ ref: MAIN, to: 'never' });
    await pass(150);
    say({ ref: MAIN, to: 'never' });
    expect(await pass(150)).toBe(1);
  });

  test('a hook that names another commit each second for ten minutes adds no more than the budget', async () => {
    const { say, pass, asked } = setUp();
    const told = 600;
    for (let n = 0; n < told; n += 1) {
      say({ ref: MAIN, to: `never ${n}` });
      await pass(1);
    }
    // One for each notification, as ever; 20 at once and one each 10 s on top; and those of the period.
    expect(asked.length).toBeLessThanOrEqual(told + 20 + told / 10 + 2);
    await pass(150);
    expect(await pass(300)).toBe(0);
  });

  test('who names no commit makes us ask for a few seconds, until something is new', async () => {
    const { say, move, pass, shown } = setUp();
    say({});
    expect(await pass(60)).toBeLessThan(8);
    say({});
    await pass(2);
    move('b');
    await pass(3);
    expect(shown()).toBe('b');
    expect(await pass(60)).toBe(0);
  });

  test('a push to a ref that nobody follows is nothing to wait for', async () => {
    const { say, pass } = setUp();
    say({ ref: 'refs/heads/other', to: 'x' });
    expect(await pass(200)).toBe(1);
  });

  test('a server that does not answer is not asked sooner because of a hint', async () => {
    const { say, pass, down, move, shown } = setUp();
    down(true);
    say({ ref: MAIN, to: 'b' });
    expect(await pass(100)).toBe(1);
    down(false);
    say({ ref: MAIN, to: 'b' });
    await pass(3);
    move('b');
    await pass(10);
    expect(shown()).toBe('b');
  });
});
