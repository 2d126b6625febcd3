import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
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
import { type BytePath, HERE, joinPath, pathOfText, systemPath } from '../platform/byte-path.ts';
import { showPath } from '../platform/show-path.ts';
import { IndexCopy } from './index-copy.ts';
import { GITLINK_MODE, type IndexEntry } from './index-file.ts';
import { type FreshModes, isUntouched, lstatExactly, probeFreshModes } from './untouched.ts';

export interface CarryOverOptions {
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
  /** Files that somebody touched: they stayed behind, and git has to write them again. */
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

/** A directory of the tree while its entries are being read: git's order keeps them together. */
interface OpenDirectory {
  /** `` or `a/b/`. */
  readonly prefix: BytePath;
  /** It is a real directory where we come from: nothing is ever taken from behind a symlink. */
  readonly isReal: boolean;
  /** It is there where we go: made with the first file that goes in, or git would not know of it and leave it behind. */
  isMade: boolean;
}

/** Both trees. */
interface Roots {
  readonly from: BytePath;
  readonly to: BytePath;
}

/** The directories on the way to the entry that is being looked at, in both trees. */
class Directories {
  readonly #roots: Roots;
  readonly #open: OpenDirectory[] = [{ prefix: HERE, isReal: true, isMade: true }];

  constructor(roots: Roots) {
    this.#roots = roots;
  }

  /** Opens the directory of `path`. Returns false when what is there belongs to somebody else. */
  enter(path: BytePath): boolean {
    while (!path.startsWith(this.#current().prefix)) this.#open.pop();
    for (let { prefix, isReal } = this.#current(); ; { prefix, isReal } = this.#current()) {
      const slash = path.indexOf('/', prefix.length);
      if (slash < 0) return isReal;
      const real = isReal && lstatExactly(joinPath(this.#roots.from, path.slice(0, slash)))?.isDirectory() === true;
      this.#open.push({ prefix: path.slice(0, slash + 1), isReal: real, isMade: false });
    }
  }

  /** Makes the directory that was entered. */
  make(): void {
    for (const directory of this.#open) {
      if (!directory.isMade) mkdirSync(systemPath(joinPath(this.#roots.to, directory.prefix)));
      directory.isMade = true;
    }
  }

  #current(): OpenDirectory {
    return this.#open.at(-1) ?? { prefix: HERE, isReal: false, isMade: true };
  }
}

/** Carries one file over if nobody touched it, and gives its new stamp. */
function carry(
  options: CarryOverOptions,
  roots: Roots,
  entry: IndexEntry,
  modes: FreshModes,
  directories: Directories,
): BigIntStats | undefined {
  const path = joinPath(roots.from, entry.path);
  const stat = lstatExactly(path);
  if (!stat || !isUntouched(entry, stat, modes, options.finishedAtNs)) return undefined;
  if (options.how === 'clone' && stat.isSymbolicLink()) return undefined;
  directories.make();
  const [source, target] = [systemPath(path), systemPath(joinPath(roots.to, entry.path))];
  if (options.how === 'move') renameSync(source, target);
  else copyFileSync(source, target, constants.COPYFILE_FICLONE_FORCE);
  // Whoever edits a file while it is being cloned changes its stamp.
  if (options.how === 'clone' && lstatExactly(path)?.ctimeNs !== stat.ctimeNs) {
    unlinkSync(target);
    return undefined;
  }
  return lstatSync(target, { bigint: true });
}

function isAlike(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one?.isDirectory() === true && one.mode === other?.mode && one.uid === other.uid && one.gid === other.gid;
}

/**
 * Takes every file that nobody touched from one tree into the fresh directories of another, and leaves everything else
 * behind: edited files, files with other permissions, files that no commit put there. A process that still works inside
 * the old directories cannot reach the new ones.
 *
 * @throws SidecarError ERR_CHECKOUT_FAILED when the tree is not one that can be carried over, or hardly worth it;
 *   the system's error when a file cannot be moved or cloned. Both trees are then good for nothing but removal
 *   (`move`), or the new one is (`clone`).
 */
export async function carryOver(options: CarryOverOptions): Promise<CarriedOver> {
  const modes = probeFreshModes(options.to);
  const roots: Roots = { from: pathOfText(options.from), to: pathOfText(options.to) };
  // Groups and access lists are inherited from above: the new place must pass on what the old one did.
  if (!isAlike(lstatExactly(roots.from), lstatExactly(roots.to))) throw doubt('its directory has other permissions');
  const input = openSync(options.fromIndex, 'r');
  const output = openSync(options.toIndex, 'wx');
  try {
    const copy = new IndexCopy(
      (target, at) => readSync(input, target, at, target.length - at, null),
      (bytes) => void writeSync(output, bytes),
      options.oidBytes,
    );
    const directories = new Directories(roots);
    let [carried, left] = [0, 0];
    for (const entry of copy.entries()) {
      if (entry.mode === GITLINK_MODE) throw doubt(`it has the submodule ${showPath(entry.path)}`);
      if (entry.stage !== 0) throw doubt(`${showPath(entry.path)} is in conflict`);
      if (entry.skipWorktree) continue;
      const stamp = directories.enter(entry.path) ? carry(options, roots, entry, modes, directories) : undefined;
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
  } finally {
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
