import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SidecarError } from '../model/error.ts';
import { temporaryName } from '../platform/atomic-file.ts';
import { nameOf, systemPath } from '../platform/byte-path.ts';
import { showPath } from '../platform/show-path.ts';
import { IndexCopy } from './index-copy.ts';
import { GITLINK_MODE, type IndexEntry } from './index-file.ts';
import { lstatAt, PairedDirectories } from './paired-directories.ts';
import { type FreshModes, isUntouched, probeFreshModes } from './untouched.ts';

export interface CarryOverOptions {
  /** The trusted directory that both trees lie in, however deep. */
  readonly root: string;
  /** The tree that is left. */
  readonly from: string;
  /** Its index, as it was when the tree was finished. */
  readonly fromIndex: string;
  readonly oidBytes: 20 | 32;
  readonly finishedAtNs: bigint;
  /** An empty directory on the same file system. */
  readonly to: string;
  /** The copy of the index that fits `to`. */
  readonly toIndex: string;
  /** `clone` shares the data on disk and leaves `from` as it is. */
  readonly how: 'move' | 'clone';
  readonly signal: AbortSignal;
}

export interface CarriedOver {
  readonly carried: number;
  /** Files that were touched: they stayed behind, and git has to write them again. */
  readonly left: number;
}

/** Files handled before giving way to other work. */
const BATCH = 100;
/** When more than this many and more than this share stayed behind, a full checkout is the simpler way. */
const MOST_LEFT = 1000;
const MOST_LEFT_SHARE = 0.25;

function doubt(detail: string): SidecarError {
  return new SidecarError('ERR_CHECKOUT_FAILED', { op: 'recycle a worktree', detail });
}

/**
 * Carries one file over if it was not touched, and gives its new stamp. Both directories are held by descriptors, so
 * nothing is taken from, or put into, a directory that another process puts in their place meanwhile.
 */
function carry(
  { how, finishedAtNs }: CarryOverOptions,
  entry: IndexEntry,
  modes: FreshModes,
  directories: PairedDirectories,
): BigIntStats | undefined {
  const from = directories.enter(entry.path);
  if (!from) return undefined;
  const name = systemPath(nameOf(entry.path));
  const source = from.at(name);
  const stat = lstatAt(source);
  if (!stat || !isUntouched(entry, stat, modes, finishedAtNs)) return undefined;
  if (how === 'clone' && stat.isSymbolicLink()) return undefined;
  const target = directories.make().at(name);
  if (how === 'move') renameSync(source, target);
  else copyFileSync(source, target, constants.COPYFILE_FICLONE_FORCE);
  const carried = lstatSync(target, { bigint: true });
  if (how === 'move') {
    if (carried.ino === stat.ino) return carried;
    // Another process put another file into its place at that moment: that file goes back.
    renameSync(target, source);
    return undefined;
  }
  // A process that edits a file while it is being cloned changes its stamp.
  if (lstatAt(source)?.ctimeNs === stat.ctimeNs) return carried;
  unlinkSync(target);
  return undefined;
}

/**
 * Takes every file that was not touched from one tree into the fresh directories of another, and leaves everything else
 * behind: edited files, files with other permissions, files that no commit put there. A process that still works inside
 * the old directories cannot reach the new ones.
 *
 * @throws SidecarError ERR_CHECKOUT_FAILED when the tree is not one that can be carried over, or hardly worth it; the
 *   system's error when a file cannot be moved or cloned. Both trees are then good for nothing but removal (`move`), or
 *   the new one is (`clone`).
 */
export async function carryOver(options: CarryOverOptions): Promise<CarriedOver> {
  const { root } = options;
  const modes = probeFreshModes(options.to);
  const input = openSync(options.fromIndex, 'r');
  const output = openSync(options.toIndex, 'wx');
  const directories = PairedDirectories.open(root, options.from, options.to);
  try {
    // Groups and access lists are inherited from above: the new place must pass on what the old one did.
    if (!directories.areAlike) throw doubt('its directory has other permissions');
    const copy = new IndexCopy(
      (target, at) => readSync(input, target, at, target.length - at, null),
      (bytes) => void writeSync(output, bytes),
      options.oidBytes,
    );
    let [carried, left] = [0, 0];
    for (const entry of copy.entries()) {
      if (entry.mode === GITLINK_MODE) throw doubt(`it has the submodule ${showPath(entry.path)}`);
      if (entry.stage !== 0) throw doubt(`${showPath(entry.path)} is in conflict`);
      if (entry.skipWorktree) continue;
      const stamp = carry(options, entry, modes, directories);
      if (stamp) copy.stamp(stamp);
      if (stamp) carried += 1;
      else left += 1;
      if (left > MOST_LEFT && left > carried * MOST_LEFT_SHARE) throw doubt('most of its files were touched');
      if ((carried + left) % BATCH !== 0) continue;
      await setImmediate();
      options.signal.throwIfAborted();
    }
    copy.finish();
    return { carried, left };
  } catch (error) {
    throw directories.explain(error);
  } finally {
    directories.close();
    closeSync(input);
    closeSync(output);
  }
}

/** True when the file system can clone files: copy them without copying their data (ioctl_ficlonerange(2)). */
export function canClone(path: string): boolean {
  const target = temporaryName(dirname(path), '.tmp-git-sidecar');
  try {
    copyFileSync(path, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(target, { force: true });
  }
}
