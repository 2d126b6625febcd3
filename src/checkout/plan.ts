import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SyncConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { pathOfBytes, pathToJson } from '../platform/byte-path.ts';
import { whyUnreadable } from '../platform/unreadable.ts';

export type CheckoutConfig = Pick<SyncConfig, 'sparseCheckoutFile' | 'submodules' | 'depth' | 'permissions' | 'lfs'>;

/** What shapes a checkout besides its commit, read at this moment. */
export interface CheckoutPlan {
  /** As they are in the file: paths in them need not be text. */
  readonly sparsePatterns: Buffer | undefined;
  /** Changes whenever a checkout of the same commit would look different. */
  readonly fingerprint: string;
  /** Stands for git's settings: see `digestSurroundings`. */
  readonly surroundings: string;
}

/** Text where it is text, as worktrees of earlier versions have it in their fingerprint. */
function patternsInJson(patterns: Buffer | undefined): unknown {
  return patterns === undefined ? null : pathToJson(pathOfBytes(patterns));
}

/** @throws SidecarError ERR_CHECKOUT_SPARSE_FILE */
export async function planCheckout(config: CheckoutConfig, surroundings: string): Promise<CheckoutPlan> {
  let sparsePatterns: Buffer | undefined;
  if (config.sparseCheckoutFile !== undefined) {
    try {
      sparsePatterns = await readFile(config.sparseCheckoutFile);
    } catch (error) {
      throw new SidecarError('ERR_CHECKOUT_SPARSE_FILE', {
        op: 'read',
        target: config.sparseCheckoutFile,
        detail: (await whyUnreadable(config.sparseCheckoutFile)) ?? messageOf(error),
        cause: error,
      });
    }
  }
  const shape = JSON.stringify([
    patternsInJson(sparsePatterns),
    config.submodules,
    config.permissions ?? null,
    config.lfs,
  ]);
  const fingerprint = createHash('sha256').update(shape).digest('hex').slice(0, 16);
  return { sparsePatterns, fingerprint, surroundings };
}
