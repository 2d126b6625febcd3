import { chmodSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bytesReader, readIndex } from '../../src/checkout/index-file.ts';
import { compareTree } from '../../src/checkout/verify-tree.ts';
import { parseOid } from '../../src/model/oid.ts';
import { tempDir } from '../kit/temp.ts';
import { git, Upstream } from '../kit/upstream.ts';

const FILES = {
  a: '1',
  'dir/b': '22',
  'dir/deep/c': '333',
  run: { exec: '#!/bin/sh\n' },
  link: { link: 'a' },
  'dir/deep/very-long-name-to-need-padding': 'x',
  ü: 'y',
};

describe('git’s index file', () => {
  test.each([
    ['2', 'sha1'],
    ['4', 'sha1'],
    ['2', 'sha256'],
  ] as const)('version %s of a %s repository is read as git ls-files shows it', (version, format) => {
    const upstream = new Upstream(tempDir(), 'repo.git', { format });
    upstream.commit(FILES);
    upstream.git('update-index', '--index-version', version);
    const entries = [
      ...readIndex(bytesReader(readFileSync(join(upstream.work, '.git/index'))), format === 'sha1' ? 20 : 32),
    ];
    const expected = upstream
      .git('ls-files', '-s', '-z')
      .split('\0')
      .filter(Boolean)
      .map((line) => ({ path: line.split('\t')[1], mode: Number.parseInt(line.slice(0, 6), 8) }));
    expect(entries.map(({ path, mode }) => ({ path, mode }))).toEqual(expected);
    expect(entries.find(({ path }) => path === 'dir/b')?.size).toBe(2);
  });

  test('an index much larger than the window is read to its end', () => {
    const upstream = new Upstream(tempDir());
    const paths = Array.from(
      { length: 3000 },
      (_, index) => `${'deep/'.repeat(index % 30)}file-${index}-${'x'.repeat(index % 100)}`,
    );
    upstream.commit(Object.fromEntries(paths.map((path) => [path, ''])));
    for (const version of ['2', '4']) {
      upstream.git('update-index', '--index-version', version);
      const found = [...readIndex(bytesReader(readFileSync(join(upstream.work, '.git/index'))), 20)];
      expect(found.map(({ path }) => path).sort()).toEqual([...paths].sort());
    }
  });

  test('files left out by a sparse checkout are marked (version 3)', () => {
    const upstream = new Upstream(tempDir());
    upstream.commit(FILES);
    upstream.git('sparse-checkout', 'set', '--no-cone', '/a');
    const entries = [...readIndex(bytesReader(readFileSync(join(upstream.work, '.git/index'))), 20)];
    expect(entries.filter(({ skipWorktree }) => !skipWorktree).map(({ path }) => path)).toEqual(['a']);
  });
});

describe('comparing a tree with its index', () => {
  const setUp = () => {
    const upstream = new Upstream(tempDir());
    const oid = parseOid(upstream.commit(FILES));
    if (!oid) throw new Error('unreachable');
    const worktree = { root: upstream.work, path: upstream.work, oid, adminDir: join(upstream.work, '.git') };
    return { work: upstream.work, compare: () => compareTree(worktree, AbortSignal.timeout(5000)) };
  };

  test('an untouched tree has neither changed nor untracked files', async () => {
    const { compare } = setUp();
    expect(await compare()).toEqual({ changed: [], untracked: [], entries: 7 });
  });

  test.each([
    ['edited', (work: string) => writeFileSync(join(work, 'dir/b'), 'xx!'), 'dir/b'],
    ['deleted', (work: string) => rmSync(join(work, 'a')), 'a'],
    ['made executable', (work: string) => chmodSync(join(work, 'a'), 0o755), 'a'],
    ['no longer executable', (work: string) => chmodSync(join(work, 'run'), 0o644), 'run'],
    [
      'replaced by a link',
      (work: string) => {
        rmSync(join(work, 'a'));
        symlinkSync('run', join(work, 'a'));
      },
      'a',
    ],
    [
      'a link to somewhere else',
      (work: string) => {
        rmSync(join(work, 'link'));
        symlinkSync('elsewhere', join(work, 'link'));
      },
      'link',
    ],
    ['touched', (work: string) => utimesSync(join(work, 'a'), 1, 1), 'a'],
  ])('%s', async (_name, change, path) => {
    const { work, compare } = setUp();
    change(work);
    expect((await compare()).changed).toEqual([path]);
  });

  test('a directory that became a file counts each of its files', async () => {
    const { work, compare } = setUp();
    rmSync(join(work, 'dir'), { recursive: true });
    writeFileSync(join(work, 'dir'), '');
    expect((await compare()).changed).toHaveLength(3);
  });

  test('a directory that is gone counts each of its files', async () => {
    const { work, compare } = setUp();
    rmSync(join(work, 'dir'), { recursive: true });
    expect((await compare()).changed).toEqual(['dir/b', 'dir/deep/c', 'dir/deep/very-long-name-to-need-padding']);
  });

  test('names that sort between a directory and its files do not confuse it', async () => {
    const upstream = new Upstream(tempDir());
    const oid = parseOid(
      upstream.commit({ 'a-b': '1', 'a.c/x': '1', 'a/b': '1', 'a/c/d/e': '1', a0: '1', 'ab/c': '1' }),
    );
    if (!oid) throw new Error('unreachable');
    const worktree = { root: upstream.work, path: upstream.work, oid, adminDir: join(upstream.work, '.git') };
    expect(await compareTree(worktree, AbortSignal.timeout(5000))).toEqual({ changed: [], untracked: [], entries: 6 });
    for (const path of ['a/new', 'a.c/new', 'a/c/d/new', 'new']) writeFileSync(join(upstream.work, path), '');
    const { untracked } = await compareTree(worktree, AbortSignal.timeout(5000));
    expect([...untracked].sort()).toEqual(['a.c/new', 'a/c/d/new', 'a/new', 'new']);
  });

  test('untracked files and directories are named, at any depth', async () => {
    const { work, compare } = setUp();
    writeFileSync(join(work, 'new'), '');
    writeFileSync(join(work, 'dir/deep/new'), '');
    git(work, 'init', '-q', 'nested');
    expect([...(await compare()).untracked].sort()).toEqual(['dir/deep/new', 'nested', 'new']);
  });
});
