import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../model/oid.ts';

/** A directory entry named after a commit, in one of the directories where worktrees live. */
export interface WorktreeEntry {
  readonly path: string;
  readonly oid: Oid;
  /** Since when it is not published: its modification time, in milliseconds since the epoch. */
  readonly since: number;
}

/** Entries of `parents` that are named after a commit. Nothing else in there is ours, whatever it is. */
export async function listWorktreeEntries(
  parents: readonly string[],
  oidOf: (path: string) => Oid | undefined,
): Promise<WorktreeEntry[]> {
  const found: WorktreeEntry[] = [];
  for (const parent of parents) {
    for (const name of await readdir(parent).catch(() => [] as string[])) {
      const path = join(parent, name);
      const oid = oidOf(path);
      const stat = oid && (await lstat(path).catch(() => undefined));
      if (oid && stat) found.push({ path, oid, since: stat.mtimeMs });
    }
  }
  return found;
}
