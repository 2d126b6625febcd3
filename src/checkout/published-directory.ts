import { join } from 'node:path';
import type { CheckoutPlan } from './plan.ts';
import type { Worktree } from './worktree.ts';

/**
 * The directory that consumers see of a worktree: with `--path` the sub-directory, else all of it. Links, hooks and
 * copies lead there; whatever is about the life of a worktree uses `worktree.path`.
 */
export function publishedDirectory({ path }: Pick<Worktree, 'path'>, plan: Pick<CheckoutPlan, 'part'>): string {
  return plan.part === undefined ? path : join(path, plan.part);
}
