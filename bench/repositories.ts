import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { GIT_ENV, git, Upstream } from '../test/kit/upstream.ts';

/** A repository of `count` small files in directories of 100, made with git fast-import: seconds, not minutes. */
export function largeRepository(directory: string, count: number): Upstream {
  const upstream = new Upstream(directory, `files-${count}.git`);
  const commands: string[] = [
    'commit refs/heads/main',
    'committer C O Mitter <c@example.com> 1700000000 +0000',
    'data 4',
    'one\n',
  ];
  for (let index = 0; index < count; index += 1) {
    const text = `file ${index}\n${'lorem ipsum '.repeat(index % 40)}\n`;
    commands.push(`M 100644 inline d${Math.floor(index / 100)}/f${index}`, `data ${Buffer.byteLength(text)}`, text);
  }
  execFileSync('git', ['fast-import', '--quiet'], {
    cwd: upstream.bare,
    env: GIT_ENV,
    input: `${commands.join('\n')}\n`,
  });
  git(upstream.work, 'fetch', '-q', 'origin', 'main');
  git(upstream.work, 'reset', '-q', '--hard', 'FETCH_HEAD');
  return upstream;
}

export function tinyRepository(directory: string): Upstream {
  const upstream = new Upstream(directory, 'tiny.git');
  upstream.commit({ 'README.md': 'hello\n', 'app/config.json': '{}\n', 'app/main': 'x\n' });
  return upstream;
}

/** What an idle poll of git-sync v4.7.1 runs (compat.md 3), as a shell script over a root that is in sync. */
export function gitSyncPoll(root: string, url: string): string {
  const worktree = join(root, 'link');
  return [
    'set -e',
    `cd ${root}`,
    'git rev-parse --show-toplevel',
    'git fsck --no-progress --connectivity-only',
    'git remote get-url origin',
    'git rev-parse --is-shallow-repository',
    `git fetch ${url} HEAD --verbose --no-progress --prune --no-auto-gc --depth 1`,
    'git rev-parse "FETCH_HEAD^{}"',
    `cd ${worktree}/`,
    'git rev-parse HEAD',
    'git fsck --no-progress --connectivity-only',
  ].join('\n');
}
