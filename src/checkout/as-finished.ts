import { setImmediate } from 'node:timers/promises';
import { type BytePath, joinPath, pathOfText } from '../platform/byte-path.ts';
import { listDirectory } from '../platform/list-directory.ts';
import { type FinishedRecord, keptIndexOf } from './record.ts';
import { type FreshModes, isUntouched, lstatExactly, probeFreshModes } from './untouched.ts';
import { readWorktreeIndex, UntrackedFinder } from './verify-tree.ts';
import type { Worktree } from './worktree.ts';

/** Entries that are looked at before giving way to other work. */
const BATCH = 500;

function hasFreshDirectories(path: BytePath, modes: FreshModes): boolean {
  const { directory, uid, gid } = modes;
  const stat = lstatExactly(path);
  if (!stat?.isDirectory() || (Number(stat.mode) & 0o7777) !== directory || stat.uid !== uid || stat.gid !== gid)
    return false;
  return listDirectory(path).every(
    ({ name, kind }) => kind !== 'directory' || hasFreshDirectories(joinPath(path, name), modes),
  );
}

/**
 * True when the worktree is what a fresh checkout would be: no file was touched or added, and no directory's
 * permissions were changed, since it was finished.
 */
export async function isAsFinished(
  worktree: Worktree,
  { finishedAtNs, surroundings }: FinishedRecord,
  signal: AbortSignal,
): Promise<boolean> {
  if (surroundings === undefined) return false;
  const modes = probeFreshModes(worktree.adminDir);
  const root = pathOfText(worktree.path);
  const untracked = new UntrackedFinder(root);
  let entries = 0;
  for (const entry of readWorktreeIndex(worktree, keptIndexOf(worktree))) {
    untracked.expect(entry.path);
    if (!entry.skipWorktree) {
      const stat = lstatExactly(joinPath(root, entry.path));
      if (!stat || !isUntouched(entry, stat, modes, finishedAtNs)) return false;
    }
    entries += 1;
    if (entries % BATCH === 0) await setImmediate();
    signal.throwIfAborted();
  }
  untracked.finish();
  return untracked.found.length === 0 && hasFreshDirectories(root, modes);
}
