import { describe, expect, test } from 'vitest';
import { parseChanges } from '../../src/notify/changed-paths.ts';

const output = (...records: readonly (readonly [string, string])[]): Buffer =>
  Buffer.from(records.map(([status, path]) => `${status}\0${path}\0`).join(''), 'latin1');

describe('the list of changes', () => {
  test('says of each path what became of it; another kind of file is a modification', () => {
    const { changes } = parseChanges(output(['A', 'new'], ['D', 'old'], ['M', 'text'], ['T', 'link']), false);
    expect(changes).toEqual([
      { path: 'new', change: 'added' },
      { path: 'old', change: 'removed' },
      { path: 'text', change: 'modified' },
      { path: 'link', change: 'modified' },
    ]);
  });

  test('loses nothing of a path that is not UTF-8', () => {
    const [change] = parseChanges(output(['A', 'caf\xe9']), false).changes ?? [];
    expect(change?.path).toBe('caf\ufffd');
    expect(Buffer.from(change?.pathBase64 ?? '', 'base64').toString('latin1')).toBe('caf\xe9');
  });

  test('ends after a thousand, and says so', () => {
    const many = output(...Array.from({ length: 1001 }, (_, index) => ['A', `f${index}`] as const));
    const { changes, changesTruncated } = parseChanges(many, false);
    expect([changes?.length, changesTruncated]).toEqual([1000, true]);
    const enough = output(...Array.from({ length: 1000 }, (_, index) => ['A', `f${index}`] as const));
    expect(parseChanges(enough, false).changesTruncated).toBe(false);
  });

  test('stays within 40 KiB of JSON, however long the paths are and whatever is in them', () => {
    for (const name of ['x', '\x01', '\xe9', '"']) {
      const long = Array.from({ length: 200 }, (_, index) => ['A', `${index}${name.repeat(250)}`] as const);
      const { changes, changesTruncated } = parseChanges(output(...long), false);
      expect(changesTruncated).toBe(true);
      const size = Buffer.byteLength(JSON.stringify(changes));
      expect(size).toBeLessThanOrEqual(40 * 1024 + 1);
      expect(size).toBeGreaterThan(38 * 1024);
    }
  });

  test('leaves out a record whose end is missing, and says that there was more', () => {
    const cut = output(['A', 'one'], ['A', 'two']).subarray(0, -2);
    expect(parseChanges(cut, true)).toEqual({
      changes: [{ path: 'one', change: 'added' }],
      changesTruncated: true,
      changesUnknown: null,
    });
  });
});
