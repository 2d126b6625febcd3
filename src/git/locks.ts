import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isOfKind, systemCode } from '../model/error.ts';
import { openBelow } from '../platform/below.ts';
import { removeFileBelow } from '../platform/files-below.ts';
import { removeTree } from '../platform/remove-tree.ts';

/** Directories of a repository that hold lock files or other git directories with lock files. */
const DEEP = ['refs', 'worktrees', 'modules'];
const DEEPEST = 12;
/** Directories of a repository, and how deep below them, in which we write files of our own. */
const WRITTEN_BY_US: readonly (readonly [string, number])[] = [
  ['git-sidecar', 0],
  ['worktrees', 2],
  ['refs', DEEPEST],
  [join('objects', 'info'), 0],
];

/**
 * Lock files; the mark of a garbage collection, which a process of the same number would keep alive for 12 hours; and
 * the next list of packed refs, which git never writes while there is one.
 */
function isLock(path: Buffer): boolean {
  const text = path.toString('latin1');
  if (text.endsWith('.lock') || text.endsWith('/gc.pid')) return true;
  // Below `refs` it is a ref.
  return text.endsWith('/packed-refs.new') && !text.includes('/refs/');
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

interface FileRemoval {
  readonly root: string;
  readonly isUnwanted: (path: Buffer) => boolean;
  readonly removed: string[];
}

async function removeFiles(what: FileRemoval, directory: string | Buffer, depth: number): Promise<void> {
  const { root, isUnwanted, removed } = what;
  for (const { path, kind } of entriesOf(root, directory)) {
    if (kind === 'directory' && depth > 0) await removeFiles(what, path, depth - 1);
    if (kind !== 'file' || !isUnwanted(path)) continue;
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

/** A file that is about to get its name in one step (`writeBelow`). */
function isTemporary(path: Buffer): boolean {
  return /\/\.tmp-git-sidecar\.[0-9a-f]{16}$/.test(path.toString('latin1'));
}

/**
 * Removes files that a process of ours was about to put into their places when it was killed. Only before anything of
 * this process works in the repository.
 *
 * @param root the directory above the repository that is trusted
 * @returns the paths removed
 */
export async function removeTemporaries(gitDir: string, root = dirname(gitDir)): Promise<string[]> {
  const removed: string[] = [];
  const temporaries = { root, isUnwanted: isTemporary, removed };
  await removeFiles(temporaries, gitDir, 0);
  for (const [name, depth] of WRITTEN_BY_US) await removeFiles(temporaries, join(gitDir, name), depth);
  return removed;
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
  const locks = { root, isUnwanted: isLock, removed };
  await removeFiles(locks, gitDir, 0);
  await removeFiles(locks, join(gitDir, 'objects', 'info'), 1);
  await removeFiles(locks, join(gitDir, 'objects', 'pack'), 0);
  for (const name of DEEP) await removeFiles(locks, join(gitDir, name), DEEPEST);
  await removeTemporaryObjects(root, gitDir, removed);
  return removed;
}
