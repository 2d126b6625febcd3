import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { clearRecord, recordedPlace } from './worktree.ts';

async function isMissing(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => false,
    (error: unknown) => systemCode(error) === 'ENOENT',
  );
}

/**
 * Removes records of worktrees that are not there: a process was killed before it made one, or after it removed one.
 * Such a record keeps the objects of its commit. Only records that are named as ours are.
 *
 * @param oidOf the commit that a worktree's name is made of
 * @returns the records that were removed
 */
export async function removeOrphanRecords(
  gitDir: string,
  oidOf: (name: string) => Oid | undefined,
): Promise<readonly string[]> {
  const root = dirname(gitDir);
  const removed: string[] = [];
  for (const name of await readdir(join(gitDir, 'worktrees'), 'latin1').catch(() => [] as string[])) {
    if (oidOf(name.replace(/\.rebuilt$/, '')) === undefined) continue;
    const adminDir = join(gitDir, 'worktrees', name);
    const place = await recordedPlace(adminDir);
    const isOrphan =
      place === undefined ? await isMissing(join(adminDir, 'gitdir')) : await isMissing(join(root, place));
    if (!isOrphan) continue;
    await clearRecord({ root, adminDir });
    removed.push(adminDir);
  }
  return removed;
}
