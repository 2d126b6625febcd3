import { expect, test } from 'vitest';
import type { SidecarError } from '../../../src/model/error.ts';
import type { Hint } from '../../../src/model/hint.ts';
import { chooseFirst } from '../../../src/poll/first-ref.ts';
import { chooseNewest } from '../../../src/poll/newest-ref.ts';
import type { Tip } from '../../../src/poll/ref-source.ts';
import type { Board } from '../../../src/relay/nats/board.ts';
import { HintedSource } from '../../../src/relay/nats/hinted-source.ts';
import { at, oid, REPOSITORY } from '../../kit/relay-fakes.ts';

type Listener = Parameters<Board['watch']>[1];

function setUp(followed = 'refs/heads/main', choice = chooseFirst('main', ['refs/heads/main'])) {
  let note: Listener = () => undefined;
  let tip = '1';
  const hints: Hint[] = [];
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
    explain: (error: SidecarError) => error,
    poll: async (): Promise<Tip> => ({ ref: followed, oid: oid(tip) }),
  };
  const hinted = new HintedSource({
    board,
    repository: REPOSITORY,
    choice,
    source,
    onHint: (hint) => hints.push(hint),
  });
  return {
    hinted,
    poll: async () => (await hinted.poll(choice, [], new AbortController().signal)).oid,
    unsay: (name: string) => note(name, { ref: undefined, revision: 2 }),
    say: (name: string, digit: string) => note(name, { ref: at(name, digit), revision: 1 }),
    move: (digit: string) => {
      tip = digit;
    },
    hints,
  };
}

test('a note makes the source be asked, and the source decides: a late note takes nothing back', async () => {
  const { poll, say, move, hints } = setUp();
  expect(await poll()).toBe(oid('1'));
  move('3');
  say('refs/heads/main', '2');
  expect(hints).toEqual([{ ref: 'refs/heads/main', to: oid('2') }]);
  expect(await poll()).toBe(oid('3'));
});

test('what is known already, and other refs, are no news', async () => {
  const { poll, say, hints } = setUp();
  await poll();
  say('refs/heads/main', '1');
  say('refs/heads/other', '2');
  expect(hints).toEqual([]);
});

test('where the newest version is followed, notes about a newer one and about its end are news; others are not', async () => {
  const rule = { kind: 'newest', requested: '<2', pattern: undefined, semver: '<2', order: 'version' } as const;
  const { poll, say, unsay, hints } = setUp('refs/tags/v1.1.0', chooseNewest(rule));
  await poll();
  for (const name of ['v1.0.0', 'v2.0.0', 'latest']) say(`refs/tags/${name}`, '2');
  unsay('refs/tags/v1.0.0');
  expect(hints).toEqual([]);
  say('refs/tags/v1.2.0', '2');
  unsay('refs/tags/v1.1.0');
  expect(hints).toEqual([
    { ref: 'refs/tags/v1.2.0', to: oid('2') },
    { ref: 'refs/tags/v1.1.0', to: undefined },
  ]);
});
