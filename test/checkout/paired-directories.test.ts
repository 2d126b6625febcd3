import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PairedDirectories } from '../../src/checkout/paired-directories.ts';
import { pathOfText } from '../../src/platform/byte-path.ts';
import { tempDir } from '../kit/temp.ts';

function setUp() {
  const root = tempDir();
  const [from, to, outside] = ['from', 'to', 'outside'].map((name) => join(root, name)) as [string, string, string];
  for (const path of [join(from, 'a/b'), to, join(outside, 'b')]) mkdirSync(path, { recursive: true });
  writeFileSync(join(from, 'a/b/file'), 'ours');
  writeFileSync(join(outside, 'b/file'), 'theirs');
  return { root, from, to, outside, file: pathOfText('a/b/file') };
}

describe('the directories of two trees', () => {
  test('one that is swapped for a link after it was entered still is the one that was looked at', () => {
    const { root, from, to, outside, file } = setUp();
    const directories = PairedDirectories.open(root, from, to);
    const source = directories.enter(file);
    renameSync(join(from, 'a'), join(root, 'elsewhere'));
    symlinkSync(outside, join(from, 'a'));
    expect(source && readFileSync(source.at('file'), 'utf8')).toBe('ours');
    directories.close();
  });

  test('one that was made and is swapped for a link gets the file itself; nothing arrives behind the link', () => {
    const { root, from, to, outside, file } = setUp();
    const directories = PairedDirectories.open(root, from, to);
    const source = directories.enter(file);
    const target = directories.make();
    renameSync(join(to, 'a'), join(root, 'made'));
    symlinkSync(outside, join(to, 'a'));
    if (source) renameSync(source.at('file'), target.at('moved'));
    expect(readFileSync(join(root, 'made/b/moved'), 'utf8')).toBe('ours');
    expect(readdirSync(join(outside, 'b'))).toEqual(['file']);
    directories.close();
  });

  test('nothing is entered through a link, and nothing is made for it', () => {
    const { root, from, to, outside } = setUp();
    symlinkSync(outside, join(from, 'link'));
    const directories = PairedDirectories.open(root, from, to);
    expect(directories.enter(pathOfText('link/b/file'))).toBeUndefined();
    expect(directories.enter(pathOfText('a/b/file'))).toBeDefined();
    expect(existsSync(join(to, 'link'))).toBe(false);
    directories.close();
  });

  test('a tree that is itself a link is refused, and no descriptor stays open', () => {
    const { root, from, outside } = setUp();
    symlinkSync(outside, join(root, 'planted'));
    const before = readdirSync('/proc/self/fd').length;
    expect(() => PairedDirectories.open(root, from, join(root, 'planted'))).toThrow('symbolic link');
    expect(() => PairedDirectories.open(root, join(root, 'planted'), from)).toThrow('symbolic link');
    const directories = PairedDirectories.open(root, from, from);
    directories.enter(pathOfText('a/b/file'));
    directories.enter(pathOfText('other'));
    directories.close();
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });
});
