import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../model/error.ts';

/** Directories of a repository that hold lock files or other git directories with lock files. */
const DEEP = ['refs', 'worktrees', 'modules'];

/** Lock files; and the mark of a garbage collection, which a process of the same number would keep alive for 12 hours. */
function isLock(name: string): boolean {
  return name.endsWith('.lock') || name === 'gc.pid';
}

async function removeBelow(directory: string, depth: number, removed: string[]): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  });
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isFile() && isLock(entry.name)) {
      await rm(path, { force: true });
      removed.push(path);
    } else if (entry.isDirectory() && depth > 0) await removeBelow(path, depth - 1, removed);
  }
}

/** Files that an interrupted fetch or repack leaves in the object store (git-gc removes them after two weeks). */
async function removeTemporaryPacks(gitDir: string, removed: string[]): Promise<void> {
  for (const directory of [join(gitDir, 'objects', 'pack'), join(gitDir, 'objects')]) {
    for (const name of await readdir(directory).catch(() => [] as string[])) {
      if (!/^(?:tmp_|\.tmp-|incoming-|tmp_objdir)/.test(name)) continue;
      await rm(join(directory, name), { recursive: true, force: true });
      removed.push(join(directory, name));
    }
  }
}

/**
 * Removes what an interrupted git process left: `*.lock` files and half-written packs.
 * Only for a repository that no other process is writing; we start one git at a time.
 *
 * @returns the paths removed
 */
export async function removeStaleLocks(gitDir: string): Promise<string[]> {
  const removed: string[] = [];
  await removeBelow(gitDir, 0, removed);
  await removeBelow(join(gitDir, 'objects', 'info'), 1, removed);
  await removeBelow(join(gitDir, 'objects', 'pack'), 0, removed);
  for (const name of DEEP) await removeBelow(join(gitDir, name), 12, removed);
  await removeTemporaryPacks(gitDir, removed);
  return removed;
}
