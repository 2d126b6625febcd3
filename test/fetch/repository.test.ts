import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Layout, oidOfWorktreeName } from '../../src/fetch/layout.ts';
import { recognizeRepository } from '../../src/fetch/recognize.ts';
import { EMPTY_STATE, readState, writeState } from '../../src/fetch/state.ts';
import { removeStaleLocks } from '../../src/git/locks.ts';
import { parseOid } from '../../src/model/oid.ts';
import { tempDir } from '../kit/temp.ts';
import { git } from '../kit/upstream.ts';

describe('whose repository it is', () => {
  const make = (...commands: string[][]): string => {
    const dir = tempDir();
    for (const command of commands) git(dir, ...command);
    return join(dir, '.git');
  };

  test('nothing, a file, an empty directory, a directory of junk', async () => {
    const dir = tempDir();
    expect(await recognizeRepository(join(dir, '.git'))).toBe('none');
    writeFileSync(join(dir, 'file'), '');
    expect(await recognizeRepository(join(dir, 'file'))).toBe('broken');
    mkdirSync(join(dir, 'empty'));
    expect(await recognizeRepository(join(dir, 'empty'))).toBe('broken');
  });

  test('a linked worktree of somebody, or a link to a repository, is foreign; one that leads nowhere is broken', async () => {
    const dir = tempDir();
    git(dir, 'init', '-q', '-b', 'main', 'theirs');
    git(join(dir, 'theirs'), 'commit', '-q', '--allow-empty', '-m', 'x');
    git(join(dir, 'theirs'), 'worktree', 'add', '-q', join(dir, 'linked'));
    expect(await recognizeRepository(join(dir, 'linked', '.git'))).toBe('foreign');
    mkdirSync(join(dir, 'alias'));
    symlinkSync('../theirs/.git', join(dir, 'alias', '.git'));
    expect(await recognizeRepository(join(dir, 'alias', '.git'))).toBe('foreign');
    rmSync(join(dir, 'theirs'), { recursive: true });
    expect(await recognizeRepository(join(dir, 'linked', '.git'))).toBe('broken');
    expect(await recognizeRepository(join(dir, 'alias', '.git'))).toBe('broken');
  });

  test('git-sync v4’s by its branch, v3’s by its clone without an index', async () => {
    expect(await recognizeRepository(make(['init', '-q', '-b', 'git-sync']))).toBe('ours');
    expect(await recognizeRepository(make(['init', '-q', '-b', 'main'], ['remote', 'add', 'origin', '/x']))).toBe(
      'ours',
    );
  });

  test('somebody’s history is foreign, also when HEAD is lost; an empty repository of theirs holds nothing to lose', async () => {
    const commit = ['commit', '-q', '--allow-empty', '-m', 'x'];
    const theirs = make(['init', '-q', '-b', 'main'], commit);
    writeFileSync(join(theirs, 'index'), '');
    expect(await recognizeRepository(theirs)).toBe('foreign');
    rmSync(join(theirs, 'HEAD'));
    expect(await recognizeRepository(theirs)).toBe('foreign');
    expect(await recognizeRepository(make(['init', '-q', '-b', 'main']))).toBe('broken');
  });
});

test('stale locks and half-written packs are removed, everything else stays', async () => {
  const dir = join(tempDir(), '.git');
  git(tempDir(), 'init', '-q', '--bare', dir);
  const stale = [
    'HEAD.lock',
    'refs/heads/x/y.lock',
    'worktrees/w/index.lock',
    'objects/pack/tmp_pack_1',
    'objects/tmp_objdir-incoming-1/x',
    'objects/ab/tmp_obj_Xy12Zz',
  ];
  const kept = ['refs/heads/main', 'objects/pack/pack-1.pack', `objects/ab/${'1'.repeat(38)}`, 'locked'];
  for (const path of [...stale, ...kept]) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), '');
  }
  await removeStaleLocks(dir);
  expect(stale.filter((path) => existsSync(join(dir, path)))).toEqual([]);
  expect(kept.filter((path) => !existsSync(join(dir, path)))).toEqual([]);
});

test('the state survives a round trip; what cannot be understood is empty', async () => {
  const dir = tempDir();
  const state = { ...EMPTY_STATE, oid: parseOid('a'.repeat(40)), depth: 3, filter: '', link: '/x' };
  const path = join(dir, 'state.json');
  await writeState({ root: dir, path }, state);
  expect(await readState(path)).toEqual(state);
  writeFileSync(path, '{"oid":7,"depth":"x"}');
  expect(await readState(path)).toEqual(EMPTY_STATE);
  writeFileSync(path, 'not json');
  expect(await readState(path)).toEqual(EMPTY_STATE);
});

test('a commit has two places, both named after it', () => {
  const oid = parseOid('a'.repeat(40));
  if (!oid) throw new Error('unreachable');
  for (const mode of ['v3.1', 'v3', 'v4'] as const) {
    const layout = new Layout('/r', mode);
    for (const path of layout.worktreePaths(oid)) expect(oidOfWorktreeName(path)).toBe(oid);
  }
  expect(new Layout('/r', 'v3.1').worktreePaths(oid)[0]).toBe(`/r/rev-${oid}`);
});
