import { describe, expect, test } from 'vitest';
import { age, ago, duration, shortRef } from '../../../src/relay/page/format.ts';
import { formerCommits, passagesOf } from '../../../src/relay/page/history.ts';
import { readView, type View, writeView } from '../../../src/relay/page/view.ts';
import { rowWindow } from '../../../src/relay/page/virtual-rows.ts';
import type { JournalEntry } from '../../../src/relay/rollout/journal.ts';
import { oid } from '../../kit/relay-fakes.ts';

describe('values of the page', () => {
  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1250, '1.2 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [250_000, '4 min 10 s'],
    [3_600_000 * 2 + 300_000, '2 h 5 min'],
    [86_400_000 * 3 + 3_600_000 * 4, '3 d 4 h'],
    [-5, '0 ms'],
  ])('%i milliseconds are %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test('an age is one number with its unit; what is not known is never, and a clock that goes wrong says now', () => {
    const now = Date.parse('2026-01-10T00:00:00Z');
    expect(age('2026-01-09T23:59:48Z', now)).toBe('12 s');
    expect(ago('2026-01-08T23:00:00Z', now)).toBe('25 h ago');
    expect(ago('2026-01-01T00:00:00Z', now)).toBe('9 d ago');
    expect([ago(null, now), ago('nonsense', now), ago('2026-01-10T00:00:09Z', now)]).toEqual(['never', 'never', 'now']);
  });

  test('branches and tags have their short names', () => {
    expect(['refs/heads/a/b', 'refs/tags/v1', 'HEAD'].map(shortRef)).toEqual(['a/b', 'tag v1', 'HEAD']);
  });
});

describe('the address of the page', () => {
  test.each<View>([
    { kind: 'overview' },
    { kind: 'rollout', repository: 'h.example:8443/team/ü.git', ref: 'refs/heads/release/1' },
    {
      kind: 'instances',
      filter: { text: 'a&b', repository: 'h/x', ref: 'refs/heads/m', state: 'behind', label: 'a=b' },
    },
  ])('says what is shown ($kind)', (view) => {
    expect(readView(writeView(view))).toEqual(view);
  });

  test.each(['', '#', '#/nonsense', '#/rollout', '#/rollout/a', '#/rollout/%/'])('%j is the overview', (hash) => {
    expect(readView(hash)).toEqual({ kind: 'overview' });
  });
});

describe('the rows that are drawn', () => {
  test('are as few at 10,000 as at 100, wherever one looks', () => {
    for (const top of [0, 1, 5000, 180_000, 359_000, 10 ** 9]) {
      const { first, end, before, after } = rowWindow(10_000, 36, top, 800);
      expect(end - first).toBeLessThanOrEqual(36);
      const seenFrom = Math.min(top, 360_000 - 800);
      expect(first * 36).toBeLessThanOrEqual(seenFrom);
      expect(end * 36).toBeGreaterThanOrEqual(seenFrom + 800);
      expect(before + (end - first) * 36 + after).toBe(360_000);
    }
    expect(rowWindow(10_000, 36, 10 ** 9, 800).end).toBe(10_000);
    expect(rowWindow(0, 36, 0, 800)).toMatchObject({ first: 0, end: 0, before: 0, after: 0 });
  });
});

describe('the history of a ref', () => {
  const journal = (...entries: [at: number, what: JournalEntry['what'], digit?: string][]): JournalEntry[] =>
    entries.map(([at, what, digit]) => ({ at, what, ...(digit && { oid: oid(digit) }) })).reverse();

  test('has each rollout with its end and its length, the newest first', () => {
    const passages = passagesOf(
      journal(
        [0, 'first', '1'],
        [10, 'started', '2'],
        [11, 'opened', '2'],
        [30, 'completed', '2'],
        [40, 'started', '3'],
        [45, 'failed'],
        [50, 'halted', '3'],
        [60, 'started', '4'],
      ),
    );
    expect(passages.map(({ oid: [digit], from, to, outcome }) => [digit, from, to, outcome])).toEqual([
      ['4', 60, undefined, 'under way'],
      ['3', 40, 50, 'halted'],
      ['2', 10, 30, 'completed'],
    ]);
  });

  test('one that is resumed after a halt is one rollout, also when it begins again', () => {
    const steps = journal(
      [10, 'started', '2'],
      [20, 'halted', '2'],
      [30, 'resumed', '2'],
      [31, 'started', '2'],
      [50, 'completed', '2'],
    );
    expect(passagesOf(steps)).toEqual([{ oid: oid('2'), from: 10, to: 50, outcome: 'completed' }]);
  });

  test('one whose beginning is forgotten is left out', () => {
    expect(passagesOf(journal([50, 'completed', '2']))).toEqual([]);
  });

  test('offers what was live before to go back to, once each, and not what is live', () => {
    const steps = journal(
      [1, 'first', '1'],
      [2, 'completed', '2'],
      [3, 'reverted', '1'],
      [4, 'halted', '5'],
      [5, 'completed', '3'],
    );
    expect(formerCommits(steps, [oid('3')]).map(([digit]) => digit)).toEqual(['1', '2']);
  });
});
