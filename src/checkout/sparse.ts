import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckoutPlan } from './plan.ts';
import type { Worktree } from './worktree.ts';

/** Hands the patterns of `--sparse-checkout-file` to git (git-sparse-checkout, "non-cone"). */
export async function writeSparsePatterns({ adminDir }: Worktree, { sparsePatterns }: CheckoutPlan): Promise<void> {
  if (sparsePatterns === undefined) return;
  await mkdir(join(adminDir, 'info'), { recursive: true });
  await writeFile(join(adminDir, 'info', 'sparse-checkout'), sparsePatterns);
}

/** Makes a git command heed the patterns. */
export function sparseArguments({ sparsePatterns }: CheckoutPlan): readonly string[] {
  return sparsePatterns === undefined ? [] : ['-c', 'core.sparseCheckout=true', '-c', 'core.sparseCheckoutCone=false'];
}
