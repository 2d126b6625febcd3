import { join } from 'node:path';
import { writeBelow } from '../platform/files-below.ts';
import type { CheckoutPlan } from './plan.ts';
import type { Worktree } from './worktree.ts';

/** Hands the patterns of `--path`, `--sparse-checkout` or `--sparse-checkout-file` to git (git-sparse-checkout, "non-cone"). */
export async function writeSparsePatterns(
  { root, adminDir }: Worktree,
  { sparsePatterns }: CheckoutPlan,
): Promise<void> {
  if (sparsePatterns === undefined) return;
  await writeBelow({ root, path: join(adminDir, 'info', 'sparse-checkout') }, sparsePatterns, { mode: 0o666 });
}

/** Makes a git command heed the patterns. */
export function sparseArguments({ sparsePatterns }: CheckoutPlan): readonly string[] {
  return sparsePatterns === undefined ? [] : ['-c', 'core.sparseCheckout=true', '-c', 'core.sparseCheckoutCone=false'];
}
