import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  appendBelow,
  createBelow,
  createDirectoryBelow,
  makeDirectoryBelow,
  removeFileBelow,
  renameBelow,
  setTimesBelow,
  symlinkBelow,
  touchBelow,
  writeBelow,
} from '../../src/platform/files-below.ts';
import { makeWay, moveAside } from '../../src/platform/make-way.ts';
import { tempDir } from '../kit/temp.ts';

/** A root in which `sub` was replaced by a link to somebody's directory. */
function planted() {
  const dir = tempDir();
  const [root, outside] = [join(dir, 'root'), join(dir, 'outside')];
  for (const path of [root, outside]) mkdirSync(path);
  writeFileSync(join(outside, 'x'), 'precious');
  symlinkSync(outside, join(root, 'sub'));
  return { root, outside };
}

const NOW = new Date(1_000_000);

describe('a link above the place', () => {
  test.each<[string, (root: string) => Promise<unknown>]>([
    ['write', (root) => writeBelow({ root, path: join(root, 'sub/x') }, 'ours')],
    ['write deeper', (root) => writeBelow({ root, path: join(root, 'sub/new/x') }, 'ours')],
    ['create', (root) => createBelow({ root, path: join(root, 'sub/new') }, 'ours')],
    ['append', (root) => appendBelow({ root, path: join(root, 'sub/x') }, 'ours')],
    ['touch', (root) => touchBelow({ root, path: join(root, 'sub/x') }, NOW)],
    ['set the times', (root) => setTimesBelow({ root, path: join(root, 'sub/x') }, NOW)],
    ['make a directory', (root) => makeDirectoryBelow({ root, path: join(root, 'sub/new/deep') })],
    ['create a directory', (root) => createDirectoryBelow({ root, path: join(root, 'sub/new') })],
    ['rename from', (root) => renameBelow(root, join(root, 'sub/x'), join(root, 'x'))],
    ['make a link', (root) => symlinkBelow({ root, path: join(root, 'sub/x') }, 'target', 'tmp')],
    ['remove', (root) => removeFileBelow({ root, path: join(root, 'sub/x') })],
    ['make way', (root) => makeWay({ root, path: join(root, 'sub/x') })],
    ['move aside', (root) => moveAside({ root, path: join(root, 'sub/x') })],
  ])('%s: it is not followed, and the error says which', async (_, attempt) => {
    const { root, outside } = planted();
    const before = lstatSync(join(outside, 'x')).mtimeMs;
    await expect(attempt(root)).rejects.toThrow(join(root, 'sub'));
    expect(readdirSync(outside)).toEqual(['x']);
    expect(readFileSync(join(outside, 'x'), 'utf8')).toBe('precious');
    expect(lstatSync(join(outside, 'x')).mtimeMs).toBe(before);
  });
});

describe('a link at the place itself', () => {
  test('is replaced, removed or refused, and what it points at stays', async () => {
    const { root, outside } = planted();
    const link = (name: string): string => {
      symlinkSync(join(outside, 'x'), join(root, name));
      return join(root, name);
    };
    await writeBelow({ root, path: link('written') }, 'ours');
    await touchBelow({ root, path: link('touched') }, NOW);
    await symlinkBelow({ root, path: link('linked') }, 'target', 'tmp');
    await removeFileBelow({ root, path: link('removed') });
    await expect(appendBelow({ root, path: link('appended') }, 'ours')).rejects.toThrow('ELOOP');
    await expect(createBelow({ root, path: link('created') }, 'ours')).rejects.toThrow('EEXIST');
    expect(readFileSync(join(root, 'written'), 'utf8')).toBe('ours');
    expect(lstatSync(join(root, 'touched')).mtimeMs).toBe(NOW.getTime());
    expect(readdirSync(root).sort()).toEqual(['appended', 'created', 'linked', 'sub', 'touched', 'written']);
    expect(readFileSync(join(outside, 'x'), 'utf8')).toBe('precious');
  });

  test('errors name the path that a person knows', async () => {
    const { root } = planted();
    mkdirSync(join(root, 'directory/full'), { recursive: true });
    await expect(writeBelow({ root, path: join(root, 'directory') }, 'x')).rejects.toThrow(`${root}/directory`);
    expect(readdirSync(root).sort()).toEqual(['directory', 'sub']);
  });
});
