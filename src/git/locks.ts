import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isOfKind, systemCode } from '../model/error.ts';
import { openBelow } from '../platform/below.ts';
import { removeFileBelow } from '../platform/files-below.ts';
import { removeTree } from '../platform/remove-tree.ts';

/** Directories of a repository that hold lock files or other git directories with lock files. */
const DEEP = ['refs', 'worktrees', 'modules'];
const DEEPEST = 12;

/** Lock files; and the mark of a garbage collection, which a process of the same number would keep alive for 12 hours. */
function isLock(path: Buffer): boolean {
  return path.subarray(-5).toString() === '.lock' || path.subarray(-7).toString() === '/gc.pid';
}

interface Entry {
  readonly path: Buffer;
  readonly kind: 'directory' | 'file' | 'other';
}

function bytesOf(path: string | Buffer): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : path;
}

/** What is in a directory below `root`; nothing when it is not there, or leads elsewhere. */
function entriesOf(root: string, path: string | Buffer): Entry[] {
  try {
    const directory = openBelow({ root, path });
    try {
      return readdirSync(directory.itself, { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({
        path: Buffer.concat([bytesOf(path), Buffer.from('/'), entry.name]),
        kind: entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : 'other',
      }));
    } finally {
      directory.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    if (isOfKind(error, 'redirected')) return [];
    throw error;
  }
}

async function removeLocks(root: string, directory: string | Buffer, depth: number, removed: string[]): Promise<void> {
  for (const { path, kind } of entriesOf(root, directory)) {
    if (kind === 'directory' && depth > 0) await removeLocks(root, path, depth - 1, removed);
    if (kind !== 'file' || !isLock(path)) continue;
    try {
      await removeFileBelow({ root, path });
      removed.push(path.toString());
    } catch (error) {
      // One that is protected stays: whether it is in the way, git will say.
      if (systemCode(error) === undefined) throw error;
    }
  }
}

/** Files that an interrupted fetch, unpacking or repack leaves in the object store (git-gc removes them after two weeks). */
async function removeTemporaryObjects(root: string, gitDir: string, removed: string[]): Promise<void> {
  const store = join(gitDir, 'objects');
  const fanOut = entriesOf(root, store).flatMap(({ path, kind }) => {
    const name = path.subarray(store.length + 1).toString();
    return kind === 'directory' && /^[0-9a-f]{2}$/.test(name) ? [join(store, name)] : [];
  });
  for (const directory of [join(store, 'pack'), store, ...fanOut]) {
    for (const { path } of entriesOf(root, directory)) {
      const name = path.toString().slice(directory.length + 1);
      if (!/^(?:tmp_|\.tmp-|incoming-|tmp_objdir)/.test(name)) continue;
      if ((await removeTree({ root, path })).length === 0) removed.push(path.toString());
    }
  }
}

/**
 * Removes what an interrupted git process left: `*.lock` files, half-written packs and objects. Links are not followed.
 * Only for a repository that no other process is writing; we start one git at a time.
 *
 * @param root the directory above the repository that is trusted
 * @returns the paths removed
 */
export async function removeStaleLocks(gitDir: string, root = dirname(gitDir)): Promise<string[]> {
  const removed: string[] = [];
  await removeLocks(root, gitDir, 0, removed);
  await removeLocks(root, join(gitDir, 'objects', 'info'), 1, removed);
  await removeLocks(root, join(gitDir, 'objects', 'pack'), 0, removed);
  for (const name of DEEP) await removeLocks(root, join(gitDir, name), DEEPEST, removed);
  await removeTemporaryObjects(root, gitDir, removed);
  return removed;
}
