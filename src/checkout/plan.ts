import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SyncConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { pathOfBytes, pathToJson } from '../platform/byte-path.ts';
import { whyUnreadable } from '../platform/unreadable.ts';

export type CheckoutConfig = Pick<
  SyncConfig,
  'path' | 'sparseCheckout' | 'sparseCheckoutFile' | 'submodules' | 'depth' | 'permissions' | 'lfs'
>;

/** What shapes a checkout besides its commit, read at this moment. */
export interface CheckoutPlan {
  /** The sub-directory that is published, without slashes at its ends; undefined: all of the commit. */
  readonly part: string | undefined;
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

/** The pattern that matches one directory and all that is in it (gitignore, "pattern format"). */
function patternOf(part: string): string {
  return `/${part.replace(/[\\*?[]/g, '\\$&')}/`;
}

/** @throws SidecarError ERR_CHECKOUT_SPARSE_FILE */
async function readPatterns({ path, sparseCheckout, sparseCheckoutFile }: CheckoutConfig): Promise<Buffer | undefined> {
  const lines = path === undefined ? sparseCheckout : [patternOf(path)];
  if (lines.length > 0) return Buffer.from(`${lines.join('\n')}\n`);
  if (sparseCheckoutFile === undefined) return undefined;
  try {
    return await readFile(sparseCheckoutFile);
  } catch (error) {
    throw new SidecarError('ERR_CHECKOUT_SPARSE_FILE', {
      op: 'read',
      target: sparseCheckoutFile,
      detail: (await whyUnreadable(sparseCheckoutFile)) ?? messageOf(error),
      cause: error,
    });
  }
}

/** @throws SidecarError ERR_CHECKOUT_SPARSE_FILE */
export async function planCheckout(config: CheckoutConfig, surroundings: string): Promise<CheckoutPlan> {
  const sparsePatterns = await readPatterns(config);
  const shape = JSON.stringify([
    patternsInJson(sparsePatterns),
    config.submodules,
    config.permissions ?? null,
    config.lfs,
  ]);
  const fingerprint = createHash('sha256').update(shape).digest('hex').slice(0, 16);
  return { part: config.path, sparsePatterns, fingerprint, surroundings };
}
