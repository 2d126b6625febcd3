import type { Git } from '../git/git.ts';
import { CASE_HINTS } from '../model/case-hints.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { GITLINK_MODE } from './index-file.ts';
import { changePermissions } from './permissions.ts';
import type { CheckoutConfig, CheckoutPlan } from './plan.ts';
import { markFinished } from './record.ts';
import { sparseArguments, writeSparsePatterns } from './sparse.ts';
import { someEntry } from './verify-tree.ts';
import { registerWorktree, type Worktree } from './worktree.ts';

async function checkOutFiles(git: Git, worktree: Worktree, plan: CheckoutPlan, signal: AbortSignal): Promise<void> {
  await writeSparsePatterns(worktree, plan);
  const command = ['reset', '--hard', '--quiet', '--no-recurse-submodules', worktree.oid];
  await git.run([...sparseArguments(plan), ...command], {
    op: 'check out',
    target: worktree.oid,
    cwd: worktree.path,
    signal,
  });
}

/** True when the commit has submodules: the index names them, so no process is needed to find out. */
export function hasSubmodules(worktree: Worktree): boolean {
  return someEntry(worktree, ({ mode, skipWorktree }) => mode === GITLINK_MODE && !skipWorktree);
}

async function checkOutSubmodules(
  git: Git,
  worktree: Worktree,
  config: CheckoutConfig,
  signal: AbortSignal,
): Promise<void> {
  if (config.submodules === 'off' || !hasSubmodules(worktree)) return;
  const args = ['submodule', 'update', '--quiet', '--init'];
  if (config.submodules === 'recursive') args.push('--recursive');
  if (config.depth > 0) args.push('--depth', String(config.depth));
  // Those outside of the part are no concern of ours.
  if (config.path !== undefined) args.push('--', config.path);
  const env = { GIT_LITERAL_PATHSPECS: '1' };
  try {
    await git.run(args, { op: 'update the submodules of', target: worktree.oid, cwd: worktree.path, env, signal });
  } catch (error) {
    if (!(error instanceof SidecarError) || error.is('too-slow')) throw error;
    throw new SidecarError('ERR_CHECKOUT_SUBMODULE', {
      op: 'update the submodules of',
      target: worktree.oid,
      detail: error.detail,
      cause: error,
      ...hintFor(error),
    });
  }
}

/** Credentials help only where the server asked for some. */
function hintFor(error: SidecarError): { hint?: string } {
  if (error.is('refused')) return {};
  if (error.is('no-repository', 'no-ref')) return { hint: CASE_HINTS.submoduleAway.hint };
  return { hint: error.is('no-answer') ? CASE_HINTS.submoduleUnreachable.hint : error.hint };
}

/**
 * Makes a complete worktree of a commit whose objects are there. Until it is marked as finished, nothing may publish
 * it; the next start removes an unfinished one.
 *
 * @throws SidecarError ERR_CHECKOUT_* or as git fails
 */
export async function createCheckout(
  git: Git,
  worktree: Worktree,
  plan: CheckoutPlan,
  config: CheckoutConfig,
  signal: AbortSignal,
): Promise<void> {
  try {
    await registerWorktree(worktree);
    await checkOutFiles(git, worktree, plan, signal);
    await checkOutSubmodules(git, worktree, config, signal);
    if (config.permissions !== undefined) await changePermissions(worktree.path, config.permissions);
    await markFinished(worktree, plan.fingerprint, plan.surroundings);
  } catch (error) {
    if (error instanceof SidecarError) throw error;
    throw new SidecarError('ERR_CHECKOUT_FAILED', {
      op: 'check out',
      target: worktree.path,
      detail: messageOf(error),
      cause: error,
    });
  }
}

/** Asks git whether tracked files differ from the commit; this also refreshes what git recorded about them. */
export async function isClean(git: Git, worktree: Worktree, signal: AbortSignal): Promise<boolean> {
  const { stdout, code } = await git.run(
    ['status', '--porcelain', '--untracked-files=no', '--ignore-submodules=none'],
    {
      op: 'compare files with',
      target: worktree.oid,
      cwd: worktree.path,
      signal,
      accept: [128],
    },
  );
  return code === 0 && stdout === '';
}
