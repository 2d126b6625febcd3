import { readWorktreeIndex } from './verify-tree.ts';
import type { Worktree } from './worktree.ts';

/**
 * Cloning a file costs the same whatever its size, and more than writing a small one. Measured on XFS by
 * `npm run bench` (docs/performance.md): from this average size on, cloning is ahead.
 */
const WORTHWHILE_BYTES_A_FILE = 64 * 1024;

/** True when cloning the files of a worktree is cheaper than having git write them. */
export function isWorthCloning(worktree: Worktree): boolean {
  let [files, bytes] = [0, 0];
  for (const entry of readWorktreeIndex(worktree)) {
    files += 1;
    bytes += entry.size;
  }
  return files > 0 && bytes / files >= WORTHWHILE_BYTES_A_FILE;
}
