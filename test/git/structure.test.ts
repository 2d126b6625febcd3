import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createGit } from '../../src/git/git.ts';
import { findDiversion } from '../../src/git/structure.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { Mirror } from '../../src/relay/server/mirror/mirror.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';

/** A repository with a linked worktree, and somebody's directory beside it. */
function repository() {
  const root = tempDir();
  const upstream = new Upstream(root);
  upstream.commit({ a: 'one' });
  git(upstream.work, 'worktree', 'add', '-q', '--detach', join(root, 'tree'));
  const gitDir = join(upstream.work, '.git');
  mkdirSync(join(gitDir, 'git-sidecar/spare'), { recursive: true });
  const outside = tempDir();
  for (const name of ['x.lock', 'tmp_pack_x']) writeFileSync(join(outside, name), 'precious');
  const look = () => findDiversion({ root, path: gitDir }, join(gitDir, 'git-sidecar/spare'));
  return { root, gitDir, outside, look, upstream };
}

describe('what would lead git out of a repository', () => {
  test('there is nothing in one that git made, and links of a commit in the spare are none', () => {
    const { gitDir, look } = repository();
    symlinkSync('/etc', join(gitDir, 'git-sidecar/spare/link'));
    expect(look()).toBeUndefined();
  });

  test.each([
    'refs',
    'refs/heads',
    'objects',
    'objects/pack',
    'objects/ab',
    'modules',
    'config',
    'shallow',
    'packed-refs',
    'logs',
    'objects/info/commit-graph',
    'worktrees/tree',
    'worktrees/tree/index',
    'git-sidecar',
  ])('%s: a symbolic link in its place is found', (name) => {
    const { gitDir, outside, look } = repository();
    const path = join(gitDir, name);
    try {
      renameSync(path, `${path}.was`);
    } catch {
      mkdirSync(join(path, '..'), { recursive: true });
    }
    symlinkSync(outside, path);
    expect(look()).toEqual({ path, what: 'a symbolic link' });
  });

  test('a worktree that names another repository is found', () => {
    const { gitDir, outside, look } = repository();
    const path = join(gitDir, 'worktrees/tree/commondir');
    writeFileSync(path, `${outside}\n`);
    expect(look()).toEqual({ path, what: 'a pointer to another repository' });
  });
});

describe('the mirror of a relay', () => {
  test('in which a link leads elsewhere is refused and made anew, and what is behind the link stays', async () => {
    const { root, upstream, outside } = repository();
    const git = createGit({
      program: 'git',
      runner: createProcessRunner(),
      log: silentLogger,
      environment: () => GIT_ENV,
      cwd: root,
    });
    for (const name of ['refs', 'objects/pack', '']) {
      const mirror = new Mirror({
        git,
        root,
        gitDir: join(root, 'mirrors/one'),
        clock: systemClock,
        log: silentLogger,
      });
      mkdirSync(join(root, 'mirrors'), { recursive: true });
      upstream.git('clone', '-q', '--mirror', upstream.bare, mirror.gitDir);
      const signal = AbortSignal.timeout(20_000);
      expect(await mirror.open(signal)).toBe(true);
      renameSync(join(mirror.gitDir, name), join(root, `was-${name.replace('/', '-')}`));
      symlinkSync(outside, join(mirror.gitDir, name));
      const wanted = mirror.refs;
      const source = { url: upstream.bare, shownUrl: '', native: undefined, credentials: [] };
      const { size } = await mirror.update(wanted, source, signal);
      expect(size).toBe(wanted.size);
      expect(readdirSync(outside).sort()).toEqual(['tmp_pack_x', 'x.lock']);
      expect(lstatSync(mirror.gitDir).isDirectory()).toBe(true);
      expect(lstatSync(join(mirror.gitDir, name)).isDirectory()).toBe(true);
      rmSync(join(root, 'mirrors'), { recursive: true });
    }
  });
});
