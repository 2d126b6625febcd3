import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SidecarError } from '../model/error.ts';
import { temporaryName } from '../platform/atomic-file.ts';
import { nameOf, systemPath } from '../platform/byte-path.ts';
import type { Name } from '../platform/held-directory.ts';
import { showPath } from '../platform/show-path.ts';
import { DirectoryTrail } from './directory-trail.ts';
import { IndexCopy } from './index-copy.ts';
import { GITLINK_MODE, type IndexEntry } from './index-file.ts';
import { OldEntries } from './old-entries.ts';
import { type FreshModes, isUntouched, probeFreshModes } from './untouched.ts';

/** A finished tree whose files are used. */
export interface FinishedTree {
  readonly path: string;
  /** Its index, as it was when the tree was finished. */
  readonly index: string;
  readonly finishedAtNs: bigint;
}

export interface CarryOverOptions {
  /** The trusted directory that all trees lie in, however deep. */
  readonly root: string;
  readonly oidBytes: 20 | 32;
  /** The tree that the new one is to be like. It is in use and stays as it is. */
  readonly like: FinishedTree;
  /** A tree that nobody needs any more: what is the same in it is moved. undefined: everything is copied. */
  readonly old: FinishedTree | undefined;
  /** How the rest is copied from `like`; `clone` shares the data on disk, and fails where that cannot be. */
  readonly copying: 'clone' | 'data';
  /** An empty directory on the same file system. */
  readonly to: string;
  /** The copy of the index that fits `to`. */
  readonly toIndex: string;
  readonly signal: AbortSignal;
}

export interface CarriedOver {
  readonly moved: number;
  readonly copied: number;
  /** Files that were touched in both trees: git has to write them again. */
  readonly left: number;
}

/** Files handled before giving way to other work. */
const BATCH = 100;
/** When more than this many, and more than this share of all, were touched, a full checkout is the simpler way. */
const MOST_LEFT = 1000;
const MOST_LEFT_SHARE = 0.25;
/** When more files than this, and more than can be moved, have to be copied, git writes them in less time. */
const MOST_COPIED = 1000;

function doubt(detail: string): SidecarError {
  return new SidecarError('ERR_CHECKOUT_FAILED', { op: 'recycle a worktree', detail });
}

/** `lstat` in nanoseconds; undefined where there is nothing, or something that cannot be looked at. */
function lstatAt(path: Name): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Gives each file of the new tree its content, without git. */
class Carrier {
  readonly #modes: FreshModes;
  readonly #flags: number;
  readonly #like: FinishedTree;
  readonly #old: FinishedTree | undefined;
  readonly #likeTrail: DirectoryTrail;
  readonly #oldTrail: DirectoryTrail | undefined;
  readonly #trail: DirectoryTrail;
  readonly #trails: readonly DirectoryTrail[];

  constructor({ root, like, old, to, copying }: CarryOverOptions) {
    this.#modes = probeFreshModes(to);
    this.#flags = copying === 'clone' ? constants.COPYFILE_FICLONE_FORCE : constants.COPYFILE_FICLONE;
    this.#like = like;
    this.#old = old;
    const trails: DirectoryTrail[] = [];
    const open = (path: string): DirectoryTrail => {
      const trail = DirectoryTrail.open(root, path);
      trails.push(trail);
      return trail;
    };
    this.#trails = trails;
    try {
      this.#likeTrail = open(like.path);
      this.#oldTrail = old && open(old.path);
      this.#trail = open(to);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The top directories that files are moved from and to have the same permissions and owner. */
  get areAlike(): boolean {
    const [one, other] = [this.#oldTrail ?? this.#likeTrail, this.#trail].map(({ top }) => lstatAt(top.itself));
    return one !== undefined && one.mode === other?.mode && one.uid === other.uid && one.gid === other.gid;
  }

  /** Moves the file of the old tree here if it was not touched. @returns its new stamp */
  move(entry: IndexEntry): BigIntStats | undefined {
    if (!this.#old) return undefined;
    this.#oldTrail?.enter(entry.path);
    const from = this.#oldTrail?.held();
    if (!from) return undefined;
    const name = systemPath(nameOf(entry.path));
    const source = from.at(name);
    const stat = lstatAt(source);
    if (!stat || !isUntouched(entry, stat, this.#modes, this.#old.finishedAtNs)) return undefined;
    const target = this.#make(entry, name);
    renameSync(source, target);
    const moved = lstatSync(target, { bigint: true });
    if (moved.ino === stat.ino) return moved;
    // Another process put another file into its place at that moment: that file goes back.
    renameSync(target, source);
    return undefined;
  }

  /** Copies the file of the tree that the new one is to be like if it was not touched. @returns its new stamp */
  copy(entry: IndexEntry): BigIntStats | undefined {
    this.#likeTrail.enter(entry.path);
    const from = this.#likeTrail.held();
    if (!from) return undefined;
    const name = systemPath(nameOf(entry.path));
    const source = from.at(name);
    const stat = lstatAt(source);
    if (!stat || !isUntouched(entry, stat, this.#modes, this.#like.finishedAtNs)) return undefined;
    const target = this.#make(entry, name);
    if (stat.isSymbolicLink()) symlinkSync(readlinkSync(source, { encoding: 'buffer' }), target);
    else copyFileSync(source, target, this.#flags | constants.COPYFILE_EXCL);
    // A process that edits a file while it is being copied changes its stamp.
    if (lstatAt(source)?.ctimeNs === stat.ctimeNs) return lstatSync(target, { bigint: true });
    unlinkSync(target);
    return undefined;
  }

  /** Each directory is made with the first file that goes in, or git would not know of it and leave it behind. */
  #make({ path }: IndexEntry, name: Name): Name {
    this.#trail.enter(path);
    return this.#trail.made().at(name);
  }

  explain(error: unknown): unknown {
    return this.#trails.reduce((known, trail) => trail.explain(known), error);
  }

  close(): void {
    for (const trail of this.#trails) trail.close();
  }
}

function requirePlain({ mode, stage, path }: IndexEntry): void {
  if (mode === GITLINK_MODE) throw doubt(`it has the submodule ${showPath(path)}`);
  if (stage !== 0) throw doubt(`${showPath(path)} is in conflict`);
}

function requireWorthwhile({ moved, copied, left }: CarriedOver, { copying }: CarryOverOptions): void {
  const carried = moved + copied;
  if (left > MOST_LEFT && left > carried * MOST_LEFT_SHARE) throw doubt('most of its files were touched');
  if (copying === 'data' && copied > MOST_COPIED && copied > moved) throw doubt('most of its files changed');
}

/**
 * Fills a fresh directory with the files of `like`: those that are the same in an old tree are moved from there, the
 * others are copied. Everything else is left behind: edited files, files with other permissions, files that no commit
 * put there. All directories are held by descriptors and the new ones are fresh, so nothing is taken from, or put into, a
 * directory that another process puts in their place meanwhile, and a process that still works inside the old
 * directories cannot reach the new ones.
 *
 * @throws SidecarError ERR_CHECKOUT_FAILED when the tree is not one that can be carried over, or hardly worth it; the
 *   system's error when a file cannot be moved or copied. The new tree and the old one are then good for nothing but
 *   removal.
 */
export async function carryOver(options: CarryOverOptions): Promise<CarriedOver> {
  const { like, old, oidBytes, signal } = options;
  const carrier = new Carrier(options);
  const oldEntries = old && new OldEntries(old.index, oidBytes);
  const input = openSync(like.index, 'r');
  const output = openSync(options.toIndex, 'wx');
  try {
    // Groups and access lists are inherited from above: the new place must pass on what the old one did.
    if (!carrier.areAlike) throw doubt('its directory has other permissions');
    const copy = new IndexCopy(
      (target, at) => readSync(input, target, at, target.length - at, null),
      (bytes) => void writeSync(output, bytes),
      oidBytes,
    );
    const sum = { moved: 0, copied: 0, left: 0 };
    for (const entry of copy.entries()) {
      requirePlain(entry);
      const same = oldEntries?.sameAs(entry);
      if (entry.skipWorktree) continue;
      const moved = same && carrier.move(same);
      const stamp = moved ?? carrier.copy(entry);
      if (stamp) copy.stamp(stamp);
      sum[moved ? 'moved' : stamp ? 'copied' : 'left'] += 1;
      if ((sum.moved + sum.copied + sum.left) % BATCH !== 0) continue;
      requireWorthwhile(sum, options);
      await setImmediate();
      signal.throwIfAborted();
    }
    oldEntries?.finish();
    copy.finish();
    return sum;
  } catch (error) {
    throw carrier.explain(error);
  } finally {
    carrier.close();
    oldEntries?.close();
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
