import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FSCK, FSCK_DAMAGE } from '../../src/git/fsck.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git } from '../kit/upstream.ts';

test.each<[string, (gitDir: string) => void]>([
  ['a ref is empty', (gitDir) => writeFileSync(join(gitDir, 'refs/heads/main'), '')],
  ['HEAD is empty', (gitDir) => writeFileSync(join(gitDir, 'HEAD'), '')],
  [
    'a ref and HEAD are empty',
    (gitDir) => ['HEAD', 'refs/heads/main'].map((name) => writeFileSync(join(gitDir, name), '')),
  ],
  [
    'objects are missing',
    (gitDir) => {
      for (const name of readdirSync(join(gitDir, 'objects')).filter((each) => each.length === 2))
        rmSync(join(gitDir, 'objects', name), { recursive: true });
    },
  ],
])('git’s answer is understood as damage when %s', (_what, damage) => {
  const path = tempDir();
  git(path, 'init', '-q', '--initial-branch=main', '.');
  writeFileSync(join(path, 'a'), 'one\n');
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'one');
  const check = (): number | null =>
    spawnSync('git', FSCK, { cwd: path, env: { ...GIT_ENV, GIT_DIR: join(path, '.git') } }).status;
  expect(check()).toBe(0);
  damage(join(path, '.git'));
  expect(FSCK_DAMAGE).toContain(check());
});
