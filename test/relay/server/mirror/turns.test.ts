import { expect, test } from 'vitest';
import { Turns } from '../../../../src/relay/server/mirror/turns.ts';
import { HandClock } from '../../../kit/hand-clock.ts';

function setUp() {
  const clock = new HandClock();
  let hurries = 0;
  const turns = new Turns({ clock, signal: new AbortController().signal, hurry: () => (hurries += 1) });
  const settled = (promise: Promise<void>) => {
    const state = { isDone: false };
    void promise.then(() => {
      state.isDone = true;
    });
    return state;
  };
  const turn = async (): Promise<void> => {
    turns.begin();
    turns.end();
    await clock.advance(0);
  };
  return { clock, turns, settled, turn, hurries: () => hurries };
}

test('who asks during a turn waits for the one after it', async () => {
  const { clock, turns, settled, turn, hurries } = setUp();
  turns.begin();
  const asked = settled(turns.next(60_000));
  turns.end();
  await clock.advance(0);
  expect(asked.isDone).toBe(false);
  expect(hurries()).toBe(1);
  await turn();
  expect(asked.isDone).toBe(true);
});

test('those who miss something share a turn that begins after each of them asked, at most one a second', async () => {
  const { clock, turns, settled, turn, hurries } = setUp();
  const first = [turns.nextForMissing(60_000), turns.nextForMissing(60_000)].map(settled);
  await clock.advance(0);
  expect(hurries()).toBe(1);
  turns.begin();
  // This one comes too late for the turn that is under way, and too soon for another.
  const late = settled(turns.nextForMissing(60_000));
  turns.end();
  await clock.advance(0);
  expect(first.map(({ isDone }) => isDone)).toEqual([true, true]);
  await turn();
  expect(late.isDone).toBe(false);
  expect(hurries()).toBe(1);
  await clock.advance(1000);
  expect(hurries()).toBe(2);
  await turn();
  expect(late.isDone).toBe(true);
});

test('waiting for a condition ends with the turn that brings it about, at once where it holds', async () => {
  const { clock, turns, settled, turn } = setUp();
  let isKnown = false;
  const waiting = settled(turns.until(() => isKnown, 60_000));
  await turn();
  expect(waiting.isDone).toBe(false);
  isKnown = true;
  await turn();
  expect(waiting.isDone).toBe(true);
  const already = settled(turns.until(() => true, 60_000));
  await clock.advance(0);
  expect(already.isDone).toBe(true);
});
