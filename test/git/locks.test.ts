import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { removeStaleLocks, removeTemporaries } from '../../src/git/locks.ts';
import { tempDir } from '../kit/temp.ts';

const NAME = '.tmp-git-sidecar.0123456789abcdef';

function put(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'x');
  return path;
}

test('files that we were about to put into their places go, wherever we write some, and nothing else does', async () => {
  const root = tempDir();
  const gitDir = join(root, '.git');
  const ours = ['', 'git-sidecar', 'worktrees/a', 'worktrees/a/info', 'refs/heads', 'refs/heads/x/y', 'objects/info'];
  const unwanted = ours.map((directory) => put(join(gitDir, directory, NAME)));
  const kept = [
    put(join(gitDir, 'git-sidecar/spare', NAME)),
    put(join(gitDir, 'refs/heads/main')),
    put(join(gitDir, 'git-sidecar/.tmp-git-sidecar.notes')),
    put(join(root, 'elsewhere', NAME)),
  ];
  symlinkSync(join(root, 'elsewhere'), join(gitDir, 'refs/leads'));
  expect([...(await removeTemporaries(gitDir))].sort()).toEqual([...unwanted].sort());
  for (const path of kept) expect(existsSync(path), path).toBe(true);
});

test('the next list of packed refs that a killed git left goes, and a ref of that name stays', async () => {
  const gitDir = join(tempDir(), '.git');
  const unwanted = [put(join(gitDir, 'packed-refs.new')), put(join(gitDir, 'modules/lib/packed-refs.new'))];
  const kept = [
    put(join(gitDir, 'refs/heads/packed-refs.new')),
    put(join(gitDir, 'modules/lib/refs/tags/packed-refs.new')),
  ];
  expect([...(await removeStaleLocks(gitDir))].sort()).toEqual([...unwanted].sort());
  for (const path of kept) expect(existsSync(path), path).toBe(true);
});
