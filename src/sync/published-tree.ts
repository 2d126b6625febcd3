import { hasSubmodules, isClean } from '../checkout/checkout.ts';
import type { CheckoutPlan } from '../checkout/plan.ts';
import { markFinished, readFinished } from '../checkout/record.ts';
import { isSameByContent } from '../checkout/verify-content.ts';
import type { Worktree } from '../checkout/worktree.ts';
import { deadline } from '../platform/deadline.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';
import type { TreeWatch } from './tree-watch.ts';

/** Of `--sync-timeout`. */
const SHARE_OF_CYCLE = 0.5;

export type PublishedTreeContext = Needs<'config' | 'git' | 'log' | 'repository' | 'clock' | 'observer'>;
type Context = PublishedTreeContext;

/** True when the published worktree was made under today's settings, or git-sync made it and it fits. */
async function isAsConfigured(
  context: Context,
  live: Worktree,
  plan: CheckoutPlan,
  scope: CycleScope,
): Promise<boolean> {
  const record = await readFinished(live);
  if (record) return record.fingerprint === plan.fingerprint;
  return await adopt(context, live, plan, scope);
}

/** Takes over a worktree that git-sync made, if git says that it is clean and nothing shaped it but its commit. */
async function adopt(
  { config, git, log, repository }: Context,
  live: Worktree,
  plan: CheckoutPlan,
  { signal }: CycleScope,
): Promise<boolean> {
  const shaped = plan.sparsePatterns !== undefined || config.lfs || config.permissions !== undefined;
  if (shaped || hasSubmodules(live) || !(await repository.guard()) || !(await isClean(git, live, signal))) return false;
  await markFinished(live, plan.fingerprint);
  log.info(0, 'took over the worktree that is published', { path: live.path, hash: live.oid });
  return true;
}

/** After a power cut the files may be empty whose names, times and sizes had reached the disk. */
async function isWholeSinceBoot(
  { git, log, config, repository }: Context,
  live: Worktree,
  { signal }: CycleScope,
): Promise<boolean> {
  if (!repository.isOfOtherBoot) return true;
  if (repository.exists) {
    // To read a huge tree can take longer than a cycle may; the cycle is not to fail for it, each time again.
    const limit = deadline(signal, config.syncTimeoutMs > 0 ? config.syncTimeoutMs * SHARE_OF_CYCLE : undefined);
    try {
      const ignoreModes = config.permissions !== undefined;
      if (!(await isSameByContent(git, live, limit.signal, { ignoreModes }))) return false;
      log.info(1, 'the machine was started again: the published files were read, and are whole');
    } catch (error) {
      if (signal.aborted || !limit.signal.aborted) throw error;
      log.warn(
        'the machine was started again, and the published files could not be read in time: raise --sync-timeout',
      );
    } finally {
      limit.end();
    }
  }
  await repository.trust();
  return true;
}

/** The published worktree was made under today's settings, and its files are as they were made, as far as is looked. */
export async function isPublishedWhole(
  context: Context,
  watch: TreeWatch,
  live: Worktree,
  plan: CheckoutPlan,
  scope: CycleScope,
): Promise<boolean> {
  if (!(await isAsConfigured(context, live, plan, scope)) || !(await watch.isWhole(context, live, scope))) return false;
  return await isWholeSinceBoot(context, live, scope);
}
