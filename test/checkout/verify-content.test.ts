import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IndexCopy } from '../../src/checkout/index-copy.ts';
import { bytesReader } from '../../src/checkout/index-file.ts';
import { isSameByContent } from '../../src/checkout/verify-content.ts';
import type { Worktree } from '../../src/checkout/worktree.ts';
import { createGit } from '../../src/git/git.ts';
import { parseOid } from '../../src/model/oid.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git as runGit } from '../kit/upstream.ts';

function worktreeOf(path: string): Worktree {
  const oid = parseOid(runGit(path, 'rev-parse', 'HEAD').trim());
  if (!oid) throw new Error('no commit');
  return { root: path, path, oid, adminDir: join(path, '.git') };
}

const git = createGit({
  program: 'git',
  runner: createProcessRunner(),
  log: silentLog,
  environment: () => GIT_ENV,
  cwd: '/',
});
const check = async (worktree: Worktree): Promise<boolean> =>
  await isSameByContent(git, worktree, new AbortController().signal);

/** A tree with some committed files. */
function tree(): Worktree {
  const path = tempDir();
  runGit(path, 'init', '-q', '.');
  writeFileSync(join(path, 'a'), 'one\n');
  writeFileSync(join(path, 'b'), 'two\n');
  runGit(path, 'add', '-A');
  runGit(path, 'commit', '-q', '-m', 'files');
  return worktreeOf(path);
}

/** The index then says of the file what is true of it now, but for its content. */
function stampAnew({ path, adminDir }: Worktree, name: string): void {
  const index = join(adminDir, 'index');
  const pieces: Buffer[] = [];
  const copy = new IndexCopy(bytesReader(readFileSync(index)), (bytes) => pieces.push(Buffer.from(bytes)), 20);
  for (const entry of copy.entries()) {
    if (`${entry.path}` !== name) continue;
    const { ctimeNs, mtimeNs, dev, ino } = lstatSync(join(path, name), { bigint: true });
    copy.stamp({ ctimeNs, mtimeNs, dev, ino });
  }
  copy.finish();
  writeFileSync(index, Buffer.concat(pieces));
}

test('finds a file whose content was lost though the index says that it was not touched', async () => {
  const worktree = tree();
  expect(await check(worktree)).toBe(true);
  writeFileSync(join(worktree.path, 'a'), '\0\0\0\0');
  // Else git looks into it: it is as young as the index.
  utimesSync(join(worktree.path, 'a'), 1, 1);
  stampAnew(worktree, 'a');
  expect(runGit(worktree.path, 'diff-files', '--name-only')).toBe('');
  expect(await check(worktree)).toBe(false);
});

test('finds an index that is not that of the commit, and one that is cut off; leaves nothing behind', async () => {
  const worktree = tree();
  const index = join(worktree.adminDir, 'index');
  const whole = readFileSync(index);
  runGit(worktree.path, 'rm', '-q', '--cached', 'b');
  expect(await check(worktree)).toBe(false);
  writeFileSync(index, whole.subarray(0, whole.length / 2));
  expect(await check(worktree)).toBe(false);
  writeFileSync(index, '');
  expect(await check(worktree)).toBe(false);
  writeFileSync(index, whole);
  expect(await check(worktree)).toBe(true);
  expect(readdirSync(worktree.adminDir).filter((name) => name.includes('check'))).toEqual([]);
});

test('files may have other permissions than in the commit where they were changed on purpose', async () => {
  const worktree = tree();
  chmodSync(join(worktree.path, 'a'), 0o755);
  const look = async (ignoreModes: boolean): Promise<boolean> =>
    await isSameByContent(git, worktree, new AbortController().signal, { ignoreModes });
  expect(await look(false)).toBe(false);
  expect(await look(true)).toBe(true);
  writeFileSync(join(worktree.path, 'a'), '');
  expect(await look(true)).toBe(false);
});

describe('a tree with submodules', () => {
  function withSubmodule(): { worktree: Worktree; inner: string } {
    const part = tree().path;
    const { path } = tree();
    runGit(path, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', part, 'sub');
    runGit(path, 'commit', '-q', '-m', 'with a submodule');
    return { worktree: worktreeOf(path), inner: join(path, 'sub') };
  }

  test.each<[string, (inner: string) => void]>([
    ['a file that has lost its content', (inner) => writeFileSync(join(inner, 'a'), '')],
    ['a file that is missing', (inner) => rmSync(join(inner, 'b'))],
    ['a torn way to its repository', (inner) => writeFileSync(join(inner, '.git'), '')],
  ])('is not the same with %s in one of them', async (_what, tear) => {
    const { worktree, inner } = withSubmodule();
    expect(await check(worktree)).toBe(true);
    tear(inner);
    expect(await check(worktree)).toBe(false);
  });

  test('is the same where they are not checked out', async () => {
    const { worktree, inner } = withSubmodule();
    rmSync(inner, { recursive: true });
    mkdirSync(inner);
    expect(await check(worktree)).toBe(true);
  });
});
