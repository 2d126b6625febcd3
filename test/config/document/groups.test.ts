import { describe, expect, test } from 'vitest';
import { load, problemsOf, sync, unitOf } from './kit.ts';

const two = (more: Readonly<Record<string, unknown>> = {}): object => ({
  sync: [sync('app', { group: 'release' }), sync('other'), sync('config', { group: 'release', ...more })],
});

describe('a group', () => {
  test('has the syncs that name it, in the order of the document', () => {
    const document = load(two());
    for (const name of ['app', 'config']) {
      const { group } = unitOf(document, 'sync', name).config;
      expect(group).toEqual({
        name: 'release',
        unit: name,
        members: ['app', 'config'],
        journal: { root: '/git/app', path: '/git/app/.git-sidecar/group-release.json' },
      });
    }
    expect(unitOf(document, 'sync', 'other').config.group).toBeUndefined();
  });

  test('that gets another member has changed for all of its members, and for nobody else', () => {
    const before = load(two());
    const after = load({ sync: [...(two() as { sync: object[] }).sync, sync('data', { group: 'release' })] });
    const digestIn = (document: typeof before, name: string): string => unitOf(document, 'sync', name).digest;
    for (const name of ['app', 'config']) expect(digestIn(after, name)).not.toBe(digestIn(before, name));
    expect(digestIn(after, 'other')).toBe(digestIn(before, 'other'));
  });

  test.each<readonly [string, object, string]>([
    ['with one sync', { sync: [sync('app', { group: 'release' }), sync('b')] }, 'group release has only one sync'],
    ['with a directory', two({ into: '/srv/config' }), 'config cannot be in a group together with into'],
    ['with a sync that ends', two({ 'one-time': true }), 'config cannot be in a group together with one-time'],
    ['whose name is none', two({ group: 'Of Ours' }), 'group must be a name of lower-case letters'],
    ['whose name is a list', two({ group: ['a'] }), 'group must be a name of lower-case letters'],
    [
      'of a run',
      { ...two(), run: [{ name: 'r', from: 'app', command: 'x', group: 'release' }] },
      'group is not known in a run',
    ],
  ])('%s is refused', (_what, document, problem) => {
    expect(problemsOf(document).join('\n')).toContain(problem);
  });
});
