import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DirectoryTrail } from '../../src/checkout/directory-trail.ts';
import { type BytePath, pathOfText } from '../../src/platform/byte-path.ts';
import type { HeldDirectory } from '../../src/platform/held-directory.ts';
import { tempDir } from '../kit/temp.ts';

function setUp() {
  const root = tempDir();
  const [from, to, outside] = ['from', 'to', 'outside'].map((name) => join(root, name)) as [string, string, string];
  for (const path of [join(from, 'a/b'), to, join(outside, 'b')]) mkdirSync(path, { recursive: true });
  writeFileSync(join(from, 'a/b/file'), 'ours');
  writeFileSync(join(outside, 'b/file'), 'theirs');
  return { root, from, to, outside, file: pathOfText('a/b/file') };
}

function enter(trail: DirectoryTrail, path: BytePath): HeldDirectory | undefined {
  trail.enter(path);
  return trail.held();
}

describe('the way through a tree', () => {
  test('a directory that is swapped for a link after it was opened still is the one that was looked at', () => {
    const { root, from, outside, file } = setUp();
    const trail = DirectoryTrail.open(root, from);
    const source = enter(trail, file);
    renameSync(join(from, 'a'), join(root, 'elsewhere'));
    symlinkSync(outside, join(from, 'a'));
    expect(source && readFileSync(source.at('file'), 'utf8')).toBe('ours');
    trail.close();
  });

  test('one that was made and is swapped for a link gets the file itself; nothing arrives behind the link', () => {
    const { root, from, to, outside, file } = setUp();
    const [there, here] = [DirectoryTrail.open(root, from), DirectoryTrail.open(root, to)];
    const source = enter(there, file);
    here.enter(file);
    const target = here.made();
    renameSync(join(to, 'a'), join(root, 'made'));
    symlinkSync(outside, join(to, 'a'));
    if (source) renameSync(source.at('file'), target.at('moved'));
    expect(readFileSync(join(root, 'made/b/moved'), 'utf8')).toBe('ours');
    expect(readdirSync(join(outside, 'b'))).toEqual(['file']);
    for (const trail of [there, here]) trail.close();
  });

  test('nothing is opened through a link, and nothing is made for what was only looked for', () => {
    const { root, from, to, outside } = setUp();
    symlinkSync(outside, join(from, 'link'));
    const [there, here] = [DirectoryTrail.open(root, from), DirectoryTrail.open(root, to)];
    for (const path of ['link/b/file', 'missing/b/file']) {
      expect(enter(there, pathOfText(path))).toBeUndefined();
      expect(enter(here, pathOfText(path))).toBeUndefined();
    }
    expect(enter(there, pathOfText('a/b/file'))).toBeDefined();
    expect(existsSync(join(to, 'link'))).toBe(false);
    expect(readdirSync(to)).toEqual([]);
    for (const trail of [there, here]) trail.close();
  });

  test('a tree that is itself a link is refused, and no descriptor stays open', () => {
    const { root, from, outside } = setUp();
    symlinkSync(outside, join(root, 'planted'));
    const before = readdirSync('/proc/self/fd').length;
    expect(() => DirectoryTrail.open(root, join(root, 'planted'))).toThrow('symbolic link');
    const trail = DirectoryTrail.open(root, from);
    for (const path of ['a/b/file', 'other', 'missing/file']) enter(trail, pathOfText(path));
    trail.close();
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });
});
