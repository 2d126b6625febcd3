import { describe, expect, test } from 'vitest';
import type { Hint } from '../../src/model/hint.ts';
import { type Oid, parseOid } from '../../src/model/oid.ts';
import type { AdvertisedRef } from '../../src/model/ref.ts';
import { chooseFirst } from '../../src/poll/first-ref.ts';
import { chooseNewest } from '../../src/poll/newest-ref.ts';
import type { RefChoice, RefCollector } from '../../src/poll/ref-choice.ts';
import { type AskForRefs, type Membership, SharedAnswers } from '../../src/poll/shared-answers.ts';
import { HandClock } from '../kit/hand-clock.ts';

const oidOf = (digit: string): Oid => parseOid(digit.repeat(40)) as Oid;
const PERIOD_MS = 1000;
const never = new AbortController().signal;

/** A git server with some refs, that says what it was asked. */
class Server {
  readonly refs = new Map<string, Oid>();
  readonly questions: (readonly string[])[] = [];
  failing: Error | undefined;
  #gate: Promise<void> = Promise.resolve();

  hold(): () => void {
    let open: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  ask: AskForRefs = async (names, signal, read) => {
    this.questions.push(names);
    await Promise.race([this.#gate, new Promise((done) => signal.addEventListener('abort', done))]);
    if (signal.aborted) throw signal.reason;
    if (this.failing) throw this.failing;
    const refs = names.flatMap((name): AdvertisedRef[] => {
      const oid = this.refs.get(name);
      return oid ? [{ name, oid, peeledOid: undefined, symref: undefined } as unknown as AdvertisedRef] : [];
    });
    return read(refs, JSON.stringify(refs));
  };
}

function setUp(count: number) {
  const clock = new HandClock();
  const shared = new SharedAnswers(clock);
  const server = new Server();
  const moved: (readonly [number, Hint])[] = [];
  const names = Array.from({ length: count }, (_, index) => [`refs/heads/b${index}`]);
  const members: Membership[] = names.map((_, index) =>
    shared.join({ periodMs: PERIOD_MS, onMoved: (hint) => moved.push([index, hint]) }),
  );
  for (const [name = ''] of names) server.refs.set(name, oidOf('1'));
  const poll = async (index: number, signal = never): Promise<RefCollector | undefined> =>
    await members[index]?.ask(chooseFirst(`b${index}`, names[index] ?? []), server.ask, signal);
  return { clock, server, moved, members, poll, names };
}

describe('followers of refs of one repository', () => {
  test('cost one request a period, in whatever order they come round', async () => {
    const { clock, server, poll } = setUp(100);
    // They have come to know each other.
    for (let index = 0; index < 100; index += 1) await poll(index);
    await clock.advance(PERIOD_MS);
    const before = server.questions.length;
    for (let round = 0; round < 10; round += 1) {
      for (let index = 0; index < 100; index += 1) {
        await clock.advance(PERIOD_MS / 100);
        await poll((index * 37) % 100);
      }
    }
    expect(server.questions.length - before).toBe(10);
    expect(server.questions.at(-1)).toHaveLength(100);
  });

  test('hear at once when somebody else’s question shows that their ref moved', async () => {
    const { clock, server, moved, poll } = setUp(3);
    for (const index of [0, 1, 2, 0, 1, 2]) await poll(index);
    await clock.advance(PERIOD_MS);
    server.refs.set('refs/heads/b2', oidOf('2'));
    moved.length = 0;
    server.refs.set('refs/heads/b0', oidOf('3'));
    await poll(0);
    // Who asked has the answer, and is not woken for it.
    expect(moved).toEqual([[2, { ref: 'refs/heads/b2', to: oidOf('2') }]]);
    const asked = server.questions.length;
    expect((await poll(2))?.chosen).toMatchObject({ name: 'refs/heads/b2', oid: oidOf('2') });
    expect(server.questions.length).toBe(asked);
  });

  test('wait for one question together, and one that joins it sends none', async () => {
    const { clock, server, poll } = setUp(5);
    for (let index = 0; index < 5; index += 1) await poll(index);
    await clock.advance(PERIOD_MS);
    const open = server.hold();
    const before = server.questions.length;
    const polls = [0, 1, 2, 3, 4].map((index) => poll(index));
    open();
    await Promise.all(polls);
    expect(server.questions.length - before).toBe(1);
  });

  test('never use an answer twice: who asks again wants to know more', async () => {
    const { server, poll } = setUp(1);
    await poll(0);
    await poll(0);
    expect(server.questions).toHaveLength(2);
  });

  test('ask anew when somebody said that there is news, also while a question is under way', async () => {
    const { clock, server, members, poll } = setUp(2);
    for (const index of [0, 1]) await poll(index);
    await clock.advance(PERIOD_MS);
    const open = server.hold();
    const first = poll(0);
    await clock.advance(1);
    members[1]?.expectNews();
    const before = server.questions.length;
    const second = poll(1);
    await new Promise((done) => setImmediate(done));
    expect(server.questions.length - before).toBe(1);
    open();
    await Promise.all([first, second]);
  });

  test('share a failure as they share an answer, and ask again in the next period', async () => {
    const { clock, server, poll } = setUp(3);
    for (const index of [0, 1, 2]) await poll(index);
    await clock.advance(PERIOD_MS);
    server.failing = new Error('down');
    const before = server.questions.length;
    for (const index of [0, 1, 2]) await expect(poll(index)).rejects.toThrow('down');
    expect(server.questions.length - before).toBe(1);
    server.failing = undefined;
    await clock.advance(PERIOD_MS);
    await expect(poll(1)).resolves.toMatchObject({ chosen: { name: 'refs/heads/b1' } });
    expect(server.questions.at(-1)).toHaveLength(3);
  });

  test('are not hurt by one that gives up in the middle of its question', async () => {
    const { clock, server, poll } = setUp(2);
    for (const index of [0, 1]) await poll(index);
    await clock.advance(PERIOD_MS);
    const open = server.hold();
    const impatient = new AbortController();
    const given = poll(0, impatient.signal);
    const patient = poll(1);
    await new Promise((done) => setImmediate(done));
    impatient.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    open();
    await expect(patient).resolves.toBeDefined();
  });

  test('get the answer to their own question, however long it took and whatever was expected meanwhile', async () => {
    const { clock, server, members, poll } = setUp(1);
    const open = server.hold();
    const polling = poll(0);
    await clock.advance(10 * PERIOD_MS);
    members[0]?.expectNews();
    open();
    await expect(polling).resolves.toMatchObject({ chosen: { name: 'refs/heads/b0' } });
    expect(server.questions).toHaveLength(1);
  });

  test('are not asked about any more when they have left', async () => {
    const { clock, server, members, poll } = setUp(3);
    for (const index of [0, 1, 2]) await poll(index);
    members[1]?.leave();
    await clock.advance(PERIOD_MS);
    await poll(0);
    expect(server.questions.at(-1)).toEqual(['refs/heads/b0', 'refs/heads/b2']);
  });
});

describe('followers of the newest of many refs', () => {
  const newest = (semver: string): RefChoice =>
    chooseNewest({ kind: 'newest', requested: semver, pattern: undefined, semver, order: 'version' });

  function setUpTags() {
    const clock = new HandClock();
    const shared = new SharedAnswers(clock);
    const questions: (readonly string[])[] = [];
    const moved: Hint[] = [];
    let reads = 0;
    let tags: readonly string[] = ['v1.0.0', 'v1.1.0', 'v2.0.0'];
    const ask: AskForRefs = async (names, _signal, read) => {
      questions.push(names);
      const refs = function* (): Generator<AdvertisedRef> {
        reads += 1;
        for (const tag of tags) yield { name: `refs/tags/${tag}`, oid: oidOf('1') };
      };
      return read(refs(), tags.join());
    };
    const [one, two] = [0, 1].map(() => shared.join({ periodMs: PERIOD_MS, onMoved: (hint) => moved.push(hint) }));
    const poll = async (member: Membership | undefined, range: string) =>
      (await member?.ask(newest(range), ask, never))?.chosen?.name;
    const push = (...all: string[]): void => {
      tags = all;
    };
    return { clock, questions, moved, one, two, poll, push, reads: () => reads };
  }

  test('share one question about what they look at, and each gets its own', async () => {
    const { clock, questions, one, two, poll } = setUpTags();
    await poll(one, '<2');
    await poll(two, '*');
    await clock.advance(PERIOD_MS);
    questions.length = 0;
    expect(await poll(one, '<2')).toBe('refs/tags/v1.1.0');
    expect(await poll(two, '*')).toBe('refs/tags/v2.0.0');
    expect(questions).toEqual([['refs/tags/*']]);
  });

  test('hear at once of a newer version and of one that is gone, and of nothing else', async () => {
    const { clock, moved, one, two, poll, push } = setUpTags();
    for (const range of ['<2', '*']) await poll(range === '*' ? two : one, range);
    await poll(one, '<2');
    await clock.advance(PERIOD_MS);
    push('v1.0.0', 'v1.1.0', 'v1.1.1', 'v2.0.0');
    await poll(one, '<2');
    expect(moved).toEqual([]);
    await clock.advance(PERIOD_MS);
    push('v1.0.0', 'v1.1.0', 'v1.1.1');
    await poll(one, '<2');
    expect(moved).toEqual([{ ref: 'refs/tags/v1.1.1', to: oidOf('1') }]);
  });

  test('read no answer that is the one that came before', async () => {
    const { clock, one, poll, push, reads } = setUpTags();
    for (let times = 0; times < 5; times += 1) {
      expect(await poll(one, '<2')).toBe('refs/tags/v1.1.0');
      await clock.advance(PERIOD_MS);
    }
    expect(reads()).toBe(1);
    push('v1.0.0');
    expect(await poll(one, '<2')).toBe('refs/tags/v1.0.0');
    expect(reads()).toBe(2);
  });
});
