import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Git } from '../git/git.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { GITLINK_MODE } from './index-file.ts';
import { changePermissions } from './permissions.ts';
import { readWorktreeIndex } from './verify-tree.ts';
import { markFinished, registerWorktree, type Worktree } from './worktree.ts';

type CheckoutConfig = Pick<SyncConfig, 'sparseCheckoutFile' | 'submodules' | 'depth' | 'permissions' | 'lfs'>;

/** What shapes a checkout besides its commit, read at this moment. */
export interface CheckoutPlan {
  readonly sparsePatterns: string | undefined;
  /** Changes whenever a checkout of the same commit would look different. */
  readonly fingerprint: string;
}

/** @throws SidecarError ERR_CHECKOUT_SPARSE_FILE */
export async function planCheckout(config: CheckoutConfig): Promise<CheckoutPlan> {
  let sparsePatterns: string | undefined;
  if (config.sparseCheckoutFile !== undefined) {
    try {
      sparsePatterns = await readFile(config.sparseCheckoutFile, 'utf8');
    } catch (error) {
      throw new SidecarError('ERR_CHECKOUT_SPARSE_FILE', {
        op: 'read',
        target: config.sparseCheckoutFile,
        detail: messageOf(error),
        cause: error,
      });
    }
  }
  const shape = JSON.stringify([sparsePatterns ?? null, config.submodules, config.permissions ?? null, config.lfs]);
  return { sparsePatterns, fingerprint: createHash('sha256').update(shape).digest('hex').slice(0, 16) };
}

async function checkOutFiles(git: Git, worktree: Worktree, plan: CheckoutPlan, signal: AbortSignal): Promise<void> {
  const sparse: string[] = [];
  if (plan.sparsePatterns !== undefined) {
    await mkdir(join(worktree.adminDir, 'info'), { recursive: true });
    await writeFile(join(worktree.adminDir, 'info', 'sparse-checkout'), plan.sparsePatterns);
    sparse.push('-c', 'core.sparseCheckout=true', '-c', 'core.sparseCheckoutCone=false');
  }
  await git.run([...sparse, 'reset', '--hard', '--quiet', '--no-recurse-submodules', worktree.oid], {
    op: 'check out',
    target: worktree.oid,
    cwd: worktree.path,
    signal,
  });
}

/** True when the commit has submodules: the index names them, so no process is needed to find out. */
export function hasSubmodules(worktree: Worktree): boolean {
  for (const entry of readWorktreeIndex(worktree)) {
    if (entry.mode === GITLINK_MODE && !entry.skipWorktree) return true;
  }
  return false;
}

async function checkOutSubmodules(
  git: Git,
  worktree: Worktree,
  config: CheckoutConfig,
  signal: AbortSignal,
): Promise<void> {
  if (config.submodules === 'off' || !hasSubmodules(worktree)) return;
  const args = ['submodule', '--quiet', 'update', '--init'];
  if (config.submodules === 'recursive') args.push('--recursive');
  if (config.depth > 0) args.push('--depth', String(config.depth));
  try {
    await git.run(args, { op: 'update the submodules of', target: worktree.oid, cwd: worktree.path, signal });
  } catch (error) {
    if (!(error instanceof SidecarError) || error.code === 'ERR_GIT_TIMEOUT') throw error;
    throw new SidecarError('ERR_CHECKOUT_SUBMODULE', {
      op: 'update the submodules of',
      target: worktree.oid,
      detail: error.detail,
      cause: error,
    });
  }
}

/**
 * Makes a complete worktree of a commit whose objects are there. Until it is marked as finished, nothing may publish it;
 * an unfinished one is thrown away by the next start.
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
    await markFinished(worktree, plan.fingerprint);
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

/** git's own word on whether tracked files differ from the commit; also refreshes what git recorded about them. */
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
