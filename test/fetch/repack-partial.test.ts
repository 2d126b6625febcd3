import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPartial, repackPartial } from '../../src/fetch/repack-partial.ts';
import { createGit } from '../../src/git/git.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';

/** A partial clone without history, at the first of several commits by a worktree and at the last by its branch. */
function partialClone() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
  git(upstream.bare, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  const clone = join(dir, 'clone');
  git(dir, 'init', '-q', clone);
  git(clone, 'config', 'core.logAllRefUpdates', 'false');
  const commits = ['1', '2', '3', '4'].map((text) => {
    const oid = upstream.commit({ [`d/${text}`]: text, e: text });
    const from = ['fetch', '-q', '--depth=1', '--filter=blob:none', `file://${upstream.bare}`];
    git(clone, ...from, `+${oid}:refs/heads/git-sync`);
    if (text === '1') {
      const admin = join(clone, '.git', 'worktrees', oid);
      mkdirSync(admin, { recursive: true });
      for (const [name, content] of [
        ['HEAD', oid],
        ['commondir', '../..'],
        ['gitdir', join(dir, 'tree', '.git')],
      ] as const)
        writeFileSync(join(admin, name), `${content}\n`);
      git(clone, 'cat-file', '-p', `${oid}:e`);
    }
    return oid;
  });
  const objects = () =>
    git(clone, 'cat-file', '--batch-all-objects', '--batch-check=%(objecttype) %(objectname)').split('\n');
  return { clone, gitDir: join(clone, '.git'), commits, objects };
}

function options(gitDir: string) {
  const runner = createProcessRunner();
  const own = createGit({ program: 'git', runner, log: silentLog, environment: () => GIT_ENV, cwd: gitDir });
  return { git: own, gitDir, signal: new AbortController().signal };
}

test('a repack of a partial clone keeps what a worktree and the branch need, and removes all else', async () => {
  const { clone, gitDir, commits, objects } = partialClone();
  const before = objects();
  expect(before.filter((line) => line.startsWith('commit'))).toHaveLength(4);
  expect(await isPartial(gitDir)).toBe(true);
  await repackPartial(options(gitDir));
  const after = objects();
  expect(after.filter((line) => line.startsWith('commit')).sort()).toEqual(
    [commits[0], commits[3]].map((oid) => `commit ${oid}`).sort(),
  );
  // The file that was fetched for the worktree is there still, and none was fetched.
  expect(after.filter((line) => line.startsWith('blob'))).toEqual(before.filter((line) => line.startsWith('blob')));
  expect(readdirSync(join(gitDir, 'objects', 'pack')).filter((name) => name.endsWith('.pack'))).toHaveLength(1);
  git(clone, 'fsck', '--connectivity-only');
  // It is one still, so what is missing is fetched when it is needed.
  expect(git(clone, 'cat-file', '-p', `${commits[3]}:d/4`)).toBe('4');
});

test('a repack of a partial clone that has no garbage changes nothing', async () => {
  const { gitDir, objects } = partialClone();
  await repackPartial(options(gitDir));
  const [before, packs] = [objects(), readdirSync(join(gitDir, 'objects', 'pack'))];
  await repackPartial(options(gitDir));
  expect(objects()).toEqual(before);
  expect(readdirSync(join(gitDir, 'objects', 'pack'))).toEqual(packs);
});
