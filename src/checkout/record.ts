import { constants } from 'node:fs';
import { copyFile, link, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inDirectory } from '../platform/below.ts';
import { removeFileBelow, writeBelow } from '../platform/files-below.ts';
import type { Worktree } from './worktree.ts';

/** Our note that a worktree was finished, and under which settings. */
export const MARKER = 'git-sidecar.json';
/** The index as it was then. git replaces an index and never writes into one, so a hard link keeps it. */
const KEPT_INDEX = 'git-sidecar.index';

/** What was noted when a worktree was finished. */
export interface FinishedRecord {
  /** Stands for the settings that shaped it (`CheckoutPlan`). */
  readonly fingerprint: string;
  /** Stands for the settings of git; undefined when git-sync made the worktree, so that nothing is known about it. */
  readonly surroundings: string | undefined;
  /** Nanoseconds since the epoch, by the clock of the file system. */
  readonly finishedAtNs: bigint;
}

export function keptIndexOf({ adminDir }: Worktree): string {
  return join(adminDir, KEPT_INDEX);
}

/** The file that is written last when a worktree is finished. */
export function recordOf({ adminDir }: Worktree): string {
  return join(adminDir, MARKER);
}

/** Notes that the worktree is finished, and keeps its index as it is now if it may be recycled later. */
export async function markFinished(worktree: Worktree, fingerprint: string, surroundings?: string): Promise<void> {
  const { root, adminDir, oid } = worktree;
  if (surroundings !== undefined) {
    await removeFileBelow({ root, path: keptIndexOf(worktree) });
    await inDirectory({ root, path: adminDir }, async (directory) => {
      const [index, kept] = [directory.at('index'), directory.at(KEPT_INDEX)];
      await link(index, kept).catch(async () => await copyFile(index, kept, constants.COPYFILE_EXCL));
    });
  }
  await writeBelow({ root, path: recordOf(worktree) }, `${JSON.stringify({ oid, fingerprint, surroundings })}\n`);
}

/** From now on the worktree is marked as unfinished: whatever interrupts us, it is not taken for a whole one. */
export async function withdrawFinished(worktree: Worktree): Promise<void> {
  await removeFileBelow({ root: worktree.root, path: recordOf(worktree) });
}

/** What was noted about the worktree; undefined when it was never finished, or git-sync made it. */
export async function readFinished(worktree: Worktree): Promise<FinishedRecord | undefined> {
  const { oid } = worktree;
  const path = recordOf(worktree);
  try {
    const saved = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    if (saved.oid !== oid || typeof saved.fingerprint !== 'string') return undefined;
    const { ctimeNs } = await stat(path, { bigint: true });
    const surroundings = typeof saved.surroundings === 'string' ? saved.surroundings : undefined;
    return { fingerprint: saved.fingerprint, surroundings, finishedAtNs: ctimeNs };
  } catch {
    return undefined;
  }
}
