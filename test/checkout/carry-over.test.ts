import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { canClone, carryOver, type FinishedTree } from '../../src/checkout/carry-over.ts';
import { exactTree } from '../kit/exact-tree.ts';
import { reflinkDirectory } from '../kit/reflink.ts';
import { tempDir } from '../kit/temp.ts';
import { type Files, GIT_ENV, git, Upstream } from '../kit/upstream.ts';

const FILES = {
  a: 'one',
  'dir/b': 'two',
  'dir/deep/c': 'three',
  run: { exec: '#!/bin/sh\n' },
  link: { link: 'a' },
  empty: '',
};
const LATER = BigInt(Date.now() + 86_400_000) * 1_000_000n;

interface Trees {
  readonly from: string;
  readonly to: string;
  readonly fromIndex: string;
  readonly toIndex: string;
}

function trees(directory: string, format: 'sha1' | 'sha256' = 'sha1', version = '2'): Trees {
  const upstream = new Upstream(join(directory, 'up'), 'repo.git', { format });
  upstream.commit(FILES);
  upstream.git('update-index', '--index-version', version);
  // Without the cache of the checkout that made it, as a second look at a tree finds it.
  upstream.git('update-index', '-q', '--refresh');
  const fromIndex = join(directory, 'kept.index');
  copyFileSync(join(upstream.work, '.git', 'index'), fromIndex);
  const to = join(directory, 'to');
  mkdirSync(to);
  return { from: upstream.work, to, fromIndex, toIndex: join(directory, 'new.index') };
}

const treeOf = ({ from, fromIndex }: Trees): FinishedTree => ({ path: from, index: fromIndex, finishedAtNs: LATER });

/** Into a tree like `like`, from there and, where it is given, from an older tree. */
const carry = ({ to, toIndex }: Trees, like: FinishedTree, old?: FinishedTree, oidBytes: 20 | 32 = 20) => {
  const copying = old ? 'data' : 'clone';
  const { signal } = new AbortController();
  return carryOver({ root: dirname(to), oidBytes, like, old, copying, to, toIndex, signal });
};

/** All that there is, is moved. */
const move = (it: Trees, oidBytes: 20 | 32 = 20) => carry(it, treeOf(it), treeOf(it), oidBytes);

/** Two finished trees, an old one and that of a later commit, and a place for the third. */
function twoTrees(later: Files, first: Files = FILES): { old: FinishedTree; like: FinishedTree; it: Trees } {
  const directory = tempDir();
  const upstream = new Upstream(join(directory, 'up'));
  const finished = (name: string, files: Files): FinishedTree => {
    upstream.commit(files);
    const path = join(directory, name);
    upstream.git('worktree', 'add', '-q', '--detach', path, 'HEAD');
    return { path, index: join(upstream.work, '.git', 'worktrees', name, 'index'), finishedAtNs: LATER };
  };
  const [old, like] = [finished('old', first), finished('like', later)];
  const to = join(directory, 'to');
  mkdirSync(to);
  return { old, like, it: { from: upstream.work, to, fromIndex: like.index, toIndex: join(directory, 'new.index') } };
}

/** What git says about the new tree, with the index that was made for it. */
function gitStatus(it: Trees): string {
  const env = { ...GIT_ENV, GIT_DIR: join(it.from, '.git'), GIT_WORK_TREE: it.to, GIT_INDEX_FILE: it.toIndex };
  // diff-files compares what the index recorded, and reads no file.
  return execFileSync('git', ['diff-files', '--name-only'], { env, cwd: it.to }).toString();
}

describe('carrying files over', () => {
  test.each([
    ['2', 'sha1'],
    ['4', 'sha1'],
    ['2', 'sha256'],
  ] as const)(
    'moves a whole tree so that git finds it unchanged without reading a file (index version %s, %s)',
    async (version, format) => {
      const it = trees(tempDir(), format, version);
      const before = exactTree(it.from);
      expect(await move(it, format === 'sha1' ? 20 : 32)).toEqual({ moved: 6, copied: 0, left: 0 });
      expect(exactTree(it.to)).toEqual(before);
      expect(gitStatus(it)).toBe('');
      git(it.from, 'fsck', '--strict');
      const env = { ...GIT_ENV, GIT_INDEX_FILE: it.toIndex, GIT_DIR: join(it.from, '.git') };
      expect(execFileSync('git', ['ls-files', '-s'], { env, cwd: it.from }).toString().split('\n')).toHaveLength(7);
    },
  );

  test('leaves behind what somebody edited, gave other permissions or added', async () => {
    const it = trees(tempDir());
    writeFileSync(join(it.from, 'a'), 'eno');
    chmodSync(join(it.from, 'dir/b'), 0o600);
    writeFileSync(join(it.from, 'dir/added'), 'x');
    expect(await move(it)).toEqual({ moved: 4, copied: 0, left: 2 });
    expect(existsSync(join(it.to, 'a'))).toBe(false);
    expect(existsSync(join(it.to, 'dir/b'))).toBe(false);
    expect(existsSync(join(it.to, 'dir/added'))).toBe(false);
    expect(readFileSync(join(it.to, 'dir/deep/c'), 'utf8')).toBe('three');
  });

  test('takes nothing from behind a symlink, however untouched the files there are', async () => {
    const it = trees(tempDir());
    const outside = join(tempDir(), 'moved');
    renameSync(join(it.from, 'dir'), outside);
    symlinkSync(outside, join(it.from, 'dir'));
    expect(await move(it)).toEqual({ moved: 4, copied: 0, left: 2 });
    expect(readFileSync(join(outside, 'deep/c'), 'utf8')).toBe('three');
  });

  test('what is the same is moved from the old tree, the rest is copied from the new one, and git finds it all unchanged', async () => {
    const { old, like, it } = twoTrees({
      a: null,
      'a/inside': 'a directory in the place of a file',
      'dir/b': 'changed',
      'dir/deep/c': null,
      link: { link: 'empty' },
      run: { exec: 'changed' },
      z: 'new',
    });
    const expected = exactTree(like.path);
    expect(await carry(it, like, old)).toEqual({ moved: 1, copied: 5, left: 0 });
    expect(exactTree(it.to)).toEqual(expected);
    expect(exactTree(like.path)).toEqual(expected);
    expect(gitStatus(it)).toBe('');
  });

  test('a file that somebody touched in one tree comes from the other, and is left to git when both were touched', async () => {
    const { old, like, it } = twoTrees({ z: 'new' });
    writeFileSync(join(old.path, 'a'), 'eno');
    chmodSync(join(like.path, 'dir/b'), 0o600);
    for (const { path } of [old, like]) writeFileSync(join(path, 'run'), 'x');
    writeFileSync(join(like.path, 'z'), 'wen');
    expect(await carry(it, like, old)).toEqual({ moved: 4, copied: 1, left: 2 });
    expect(readFileSync(join(it.to, 'a'), 'utf8')).toBe('one');
    expect(gitStatus(it)).toBe('run\nz\n');
  });

  test.each<[string, Files, Files]>([
    ['added', {}, { '.gitattributes': '* text eol=crlf' }],
    ['changed', { 'dir/.gitattributes': '* text' }, { 'dir/.gitattributes': '* -text' }],
    ['removed', { 'zz/.gitattributes': '* text' }, { 'zz/.gitattributes': null }],
  ])(
    'refuses when a .gitattributes was %s: the same content may be written differently',
    async (_how, first, later) => {
      const { old, like, it } = twoTrees(later, { ...FILES, ...first });
      const detail = expect.stringContaining('.gitattributes changed');
      await expect(carry(it, like, old)).rejects.toMatchObject({ code: 'ERR_CHECKOUT_FAILED', detail });
    },
  );

  test('refuses a tree with a submodule', async () => {
    const it = trees(tempDir());
    git(it.from, 'update-index', '--add', '--cacheinfo', `160000,${'a'.repeat(40)},sub`);
    copyFileSync(join(it.from, '.git', 'index'), it.fromIndex);
    await expect(move(it)).rejects.toMatchObject({
      code: 'ERR_CHECKOUT_FAILED',
      detail: expect.stringContaining('submodule'),
    });
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    [
      'with an extension that is unknown',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -20), Buffer.from('link\0\0\0\0'), bytes.subarray(-20)]),
    ],
  ])('refuses an index that is %s', async (_what, damage) => {
    const it = trees(tempDir());
    writeFileSync(it.fromIndex, damage(readFileSync(it.fromIndex)));
    await expect(move(it)).rejects.toMatchObject({ code: 'ERR_CHECKOUT_FAILED' });
  });

  test('clones a tree on a file system that can, and leaves the original as it is', async ({ skip }) => {
    const directory = reflinkDirectory();
    if (directory === undefined) return skip();
    const it = trees(directory);
    const before = exactTree(it.from);
    const { mtimeMs } = statSync(join(it.from, 'a'));
    expect(canClone(it.fromIndex)).toBe(true);
    expect(await carry(it, treeOf(it))).toEqual({ moved: 0, copied: 6, left: 0 });
    expect(exactTree(it.from)).toEqual(before);
    expect(statSync(join(it.from, 'a')).mtimeMs).toBe(mtimeMs);
    expect(exactTree(it.to)).toEqual(before);
    expect(gitStatus(it)).toBe('');
  });

  test('says when a file system cannot clone', () => {
    const path = join('/dev/shm', `gs-clone-${process.pid}`);
    writeFileSync(path, 'x');
    onTestFinished(() => rmSync(path));
    expect(canClone(path)).toBe(false);
  });
});
