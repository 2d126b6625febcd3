import { expect, test } from 'vitest';
import { RequestTurns } from '../../../../src/relay/server/access/request-turns.ts';

/** Rounds of the event loop that the test turns by hand. */
function setUp(isShared = true) {
  let rounds: (() => void)[] = [];
  const turns = new RequestTurns({ isShared: () => isShared, nextRound: (go) => rounds.push(go) });
  const begun: string[] = [];
  const ask = (owner: string, times = 1): void => {
    for (let nr = 0; nr < times; nr += 1) void turns.take(owner).then(() => begun.push(owner));
  };
  const settled = async (): Promise<void> => await new Promise((done) => setImmediate(done));
  /** @returns what was begun by then, since the last call */
  const next = async (): Promise<string[]> => {
    const due = rounds;
    rounds = [];
    for (const go of due) go();
    await settled();
    return begun.splice(0);
  };
  return { ask, next, settled, begun, pending: () => rounds.length };
}

test('a request begins in the next round, however many of another client came before it', async () => {
  const { ask, next, settled, begun } = setUp();
  ask('busy', 100);
  await settled();
  expect(begun.splice(0)).toEqual(Array(4).fill('busy'));
  ask('honest', 2);
  expect(await next()).toEqual(['busy', 'honest', 'busy', 'honest']);
  expect(await next()).toEqual(Array(4).fill('busy'));
});

test('all that wait have begun after as many rounds as they need, and then there are no more rounds', async () => {
  const { ask, next, pending } = setUp();
  ask('one', 5);
  ask('other', 5);
  let all = 0;
  let rounds = 0;
  for (; pending() > 0; rounds += 1) all += (await next()).length;
  expect(all).toBe(10);
  expect(rounds).toBeLessThanOrEqual(4);
});

test('requests of a client that is alone begin at once', async () => {
  const { ask, settled, begun, pending } = setUp(false);
  ask('alone', 100);
  await settled();
  expect(begun).toHaveLength(100);
  expect(pending()).toBe(0);
});
