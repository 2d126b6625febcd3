import { FSCK, FSCK_DAMAGE } from '../git/fsck.ts';
import type { Git } from '../git/git.ts';
import type { Oid } from '../model/oid.ts';

/** Every object that the refs of a repository, and its worktrees, need is there and readable (git-fsck). */
export async function isWhole(git: Git, gitDir: string, signal: AbortSignal): Promise<boolean> {
  const run = { op: 'check the repository', target: gitDir, signal, accept: FSCK_DAMAGE };
  const { code } = await git.run(['--git-dir', gitDir, ...FSCK], run);
  return code === 0;
}

/** git opens it, and finds a commit in it: one process, whatever the size of the repository. */
export async function canBeOpened(
  git: Git,
  gitDir: string,
  commit: Oid | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const question = commit === undefined ? ['rev-parse', '--git-dir'] : ['cat-file', '-e', `${commit}^{commit}`];
  const run = { op: 'open', target: gitDir, signal, accept: [1, 128] };
  const { code } = await git.run(['--git-dir', gitDir, ...question], run);
  return code === 0;
}
