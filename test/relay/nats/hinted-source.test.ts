import { expect, test } from 'vitest';
import type { Tip } from '../../../src/poll/ref-source.ts';
import type { Board } from '../../../src/relay/nats/board.ts';
import { HintedSource } from '../../../src/relay/nats/hinted-source.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { at, oid, REPOSITORY } from '../../kit/relay-fakes.ts';

type Listener = Parameters<Board['watch']>[1];

function setUp(mayLag: boolean) {
  const clock = new HandClock();
  let note: Listener = () => undefined;
  let tip = '1';
  let hints = 0;
  const board = {
    watch: (_repository: unknown, listener: Listener) => {
      note = listener;
      return { notes: new Map(), close: () => undefined };
    },
    close: async () => undefined,
  } as unknown as Board;
  const source = {
    fetchUrl: 'u',
    native: undefined,
    requestsSent: 0,
    close: () => undefined,
    poll: async (): Promise<Tip> => ({ ref: 'refs/heads/main', oid: oid(tip) }),
  };
  const hinted = new HintedSource({ board, repository: REPOSITORY, source, mayLag, clock, onHint: () => (hints += 1) });
  return {
    clock,
    hinted,
    poll: async () => (await hinted.poll(['refs/heads/main'], 'main', [], new AbortController().signal)).oid,
    say: (name: string, digit: string) => note(name, { ref: at(name, digit), revision: 1 }),
    move: (digit: string) => {
      tip = digit;
    },
    hints: () => hints,
  };
}

test('a note makes the source be asked, and the source decides: a late note takes nothing back', async () => {
  const { poll, say, move, hints } = setUp(false);
  expect(await poll()).toBe(oid('1'));
  move('3');
  say('refs/heads/main', '2');
  expect(hints()).toBe(1);
  expect(await poll()).toBe(oid('3'));
});

test('what is known already, and other refs, are no news', async () => {
  const { poll, say, hints } = setUp(false);
  await poll();
  say('refs/heads/main', '1');
  say('refs/heads/other', '2');
  expect(hints()).toBe(0);
});

test('a relay that hears of it later is asked again soon, but not for ever', async () => {
  const { clock, poll, say, move, hints } = setUp(true);
  await poll();
  say('refs/heads/main', '2');
  await poll();
  await clock.advance(600);
  expect(hints()).toBe(2);
  move('2');
  expect(await poll()).toBe(oid('2'));
  await clock.advance(60_000);
  expect(hints()).toBe(2);
  say('refs/heads/main', '3');
  for (let round = 0; round < 20; round += 1) {
    await poll();
    await clock.advance(60_000);
  }
  expect(hints()).toBe(2 + 1 + 5);
});
