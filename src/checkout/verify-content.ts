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
    const says = async (op: string, args: readonly string[]): Promise<boolean> => {
      const env = { GIT_INDEX_FILE: index };
      const { code } = await git.run(args, { op, target: oid, cwd: path, env, signal, accept: [1, 128] });
      return code === 0;
    };
    return (
      (await says('compare the content of files with', ['update-index', '--refresh'])) &&
      (await says('compare the index with', ['diff-index', '--cached', '--quiet', oid]))
    );
  } catch (error) {
    if (signal.aborted) throw error;
    // An index that cannot be read.
    return false;
  } finally {
    await removeFileBelow(place).catch(() => undefined);
  }
}
