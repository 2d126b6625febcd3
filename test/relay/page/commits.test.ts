import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CommitDocument } from '../../../src/relay/browser/documents.ts';
import { Commits } from '../../../src/relay/page/commits.ts';
import { State } from '../../../src/relay/page/state.ts';

const COMMIT: CommitDocument = { subject: 'Do it', author: 'me', at: '2026-01-01T00:00:00Z' };

function setUp() {
  const state = new State();
  const asked: string[] = [];
  const answers: ((oids: readonly string[]) => Record<string, CommitDocument>)[] = [];
  const commits = new Commits(state, async (repository, oids) => {
    asked.push(`${repository}: ${oids.join(' ')}`);
    const answer = answers.shift();
    return answer ? answer(oids) : Object.fromEntries(oids.map((oid) => [oid, COMMIT]));
  });
  return { state, commits, asked, answers };
}

const breaks = (): never => {
  throw new Error('the relay does not answer');
};

describe('the commits that the page names', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('are asked for together, and each once', async () => {
    const { state, commits, asked } = setUp();
    for (const oid of ['a', 'b', 'a']) commits.want('h/app', oid);
    commits.want('h/other', 'c');
    await vi.advanceTimersByTimeAsync(100);
    commits.want('h/app', 'a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual(['h/app: a b', 'h/other: c']);
    expect([...state.commits.keys()]).toEqual(['a', 'b', 'c']);
  });

  test('are asked for again when the relay did not answer, however often, and when it could not read them, some times', async () => {
    const { state, commits, asked, answers } = setUp();
    answers.push(breaks, breaks, breaks, breaks, () => ({}));
    commits.want('h/app', 'a');
    await vi.advanceTimersByTimeAsync(5 * 5000 + 100);
    expect(asked).toHaveLength(6);
    expect(state.commits.has('a')).toBe(true);
    for (let times = 0; times < 9; times += 1) answers.push(() => ({}));
    commits.want('h/app', 'b');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.filter((each) => each === 'h/app: b')).toHaveLength(3);
  });

  test('are forgotten when somebody else logs in, also those that are on their way', async () => {
    const { state, commits, answers } = setUp();
    answers.push(() => {
      commits.forget();
      return { a: COMMIT };
    });
    commits.want('h/app', 'a');
    await vi.advanceTimersByTimeAsync(100);
    expect(state.commits.size).toBe(0);
    commits.want('h/app', 'a');
    await vi.advanceTimersByTimeAsync(100);
    expect(state.commits.size).toBe(1);
  });
});
