import { hasSubmodules, isClean } from '../checkout/checkout.ts';
import type { CheckoutPlan } from '../checkout/plan.ts';
import { markFinished, readFinished } from '../checkout/record.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { Wholeness } from './boot-reading.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';
import type { TreeWatch } from './tree-watch.ts';

export type PublishedTreeContext = Needs<
  'bootReading' | 'config' | 'git' | 'log' | 'repository' | 'clock' | 'observer'
>;
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

/** The published worktree was made under today's settings, and its files are as they were made, as far as is looked. */
export async function lookAtPublished(
  context: Context,
  watch: TreeWatch,
  live: Worktree,
  plan: CheckoutPlan,
  scope: CycleScope,
): Promise<Wholeness> {
  const isFit = (await isAsConfigured(context, live, plan, scope)) && (await watch.isWhole(context, live, scope));
  return isFit ? await context.bootReading.look(live, scope) : 'torn';
}
