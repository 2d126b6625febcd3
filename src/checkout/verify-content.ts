import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { removeFileBelow } from '../platform/files-below.ts';
import { IndexCopy } from './index-copy.ts';
import type { Worktree } from './worktree.ts';

/** Of no file: git then has to read all of them. */
const NO_STAMP = { ctimeNs: 0n, mtimeNs: 0n, dev: 0n, ino: 0n };

/** The index without what it remembers of the files. */
function writeForgetfulIndex(from: string, to: string, oidBytes: 20 | 32): void {
  const source = openSync(from, 'r');
  try {
    const target = openSync(to, 'wx');
    try {
      const read = (bytes: Buffer, at: number): number => readSync(source, bytes, at, bytes.length - at, null);
      const copy = new IndexCopy(read, (bytes) => void writeSync(target, bytes), oidBytes);
      for (const _ of copy.entries()) copy.stamp(NO_STAMP);
      copy.finish();
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

/**
 * True when the content of every file of the worktree is that of its commit. All files are read: what an index remembers
 * of them may have reached the disk before a power cut when the files themselves had not.
 */
export async function isSameByContent(git: Git, worktree: Worktree, signal: AbortSignal): Promise<boolean> {
  const { root, path, adminDir, oid } = worktree;
  const index = join(adminDir, 'index.git-sidecar-check');
  const place = { root, path: index };
  await removeFileBelow(place).catch(() => undefined);
  try {
    writeForgetfulIndex(join(adminDir, 'index'), index, oid.length === 40 ? 20 : 32);
    const { code } = await git.run(['update-index', '--refresh'], {
      op: 'compare the content of files with',
      target: oid,
      cwd: path,
      env: { GIT_INDEX_FILE: index },
      signal,
      accept: [1, 128],
    });
    if (code !== 0) return false;
    const { code: difference } = await git.run(['diff-index', '--cached', '--quiet', oid], {
      op: 'compare the index with',
      target: oid,
      cwd: path,
      env: { GIT_INDEX_FILE: index },
      signal,
      accept: [1, 128],
    });
    return difference === 0;
  } catch (error) {
    if (signal.aborted) throw error;
    // An index that cannot be read.
    return false;
  } finally {
    await removeFileBelow(place).catch(() => undefined);
  }
}
