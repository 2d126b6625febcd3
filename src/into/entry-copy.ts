import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { systemCode } from '../model/error.ts';
import type { HeldDirectory, Name } from '../platform/held-directory.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, COPYFILE_EXCL, COPYFILE_FICLONE } = constants;

const PERMISSIONS = 0o7777;
const CHUNKS = [Buffer.alloc(64 * 1024), Buffer.alloc(64 * 1024)] as const;
const SMALL = 256 * 1024;
const PREFIX = '.tmp-git-sidecar';
/** What a killed process may leave beside the place of a file. */
export const LEFTOVER = /^\.tmp-git-sidecar\.[0-9a-f]{16}$/;

/** An entry of a directory that is held. */
export interface Entry {
  readonly parent: HeldDirectory;
  readonly name: Name;
}

export interface CopyOptions {
  /** Permissions of the new file; those of the original where there are none. */
  readonly mode?: number;
  /** The copy has the original's modification time. */
  readonly keepTimes?: boolean;
  /** The content of a file is on the disk before the file has its name. */
  readonly flush?: boolean;
}

/** `lstat`; undefined when there is nothing. @throws the system's other errors */
export function statOf({ parent, name }: Entry): Stats | undefined {
  return lstatSync(parent.at(name), { throwIfNoEntry: false });
}

/** Removes a file or a link; nothing there is fine. */
export function removeEntry({ parent, name }: Entry): void {
  try {
    unlinkSync(parent.at(name));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** A name for something that is on its way to its own. */
export function temporaryEntryName(): string {
  return `${PREFIX}.${randomBytes(8).toString('hex')}`;
}

/** Lets `make` put something under a private name, and then moves it to its own place: it appears in one step. */
async function inOneStep(to: Entry, make: (beside: Name) => void | Promise<void>): Promise<void> {
  const temporary = temporaryEntryName();
  try {
    await make(to.parent.at(temporary));
    renameSync(to.parent.at(temporary), to.parent.at(to.name));
  } catch (error) {
    removeEntry({ parent: to.parent, name: temporary });
    throw error;
  }
}

/** What a symlink says. */
export function linkTextOf({ parent, name }: Entry): Buffer {
  return readlinkSync(parent.at(name), 'buffer');
}

/** Both are files with the same content and permissions, or symlinks with the same text. */
export async function isSameEntry(one: Entry, other: Entry, mask = PERMISSIONS): Promise<boolean> {
  const [here, there] = [statOf(one), statOf(other)];
  if (here?.isSymbolicLink() && there?.isSymbolicLink()) return linkTextOf(one).equals(linkTextOf(other));
  if (!here?.isFile() || !there?.isFile()) return false;
  if (here.size !== there.size || ((here.mode ^ there.mode) & mask) !== 0) return false;
  return await withFile(one.parent.at(one.name), async (first) => {
    return await withFile(other.parent.at(other.name), (second) => haveSameContent(first, second));
  });
}

function haveSameContent(one: number, other: number): boolean {
  for (;;) {
    const [count, same] = [readSync(one, CHUNKS[0]), readSync(other, CHUNKS[1])];
    if (count !== same || !CHUNKS[0].subarray(0, count).equals(CHUNKS[1].subarray(0, count))) return false;
    if (count === 0) return true;
  }
}

/** The text of a file. @throws the system's error, ELOOP for a symlink */
export async function textOf({ parent, name }: Entry): Promise<string> {
  return await withFile(parent.at(name), (fd) => readFileSync(fd, 'utf8'));
}

/** Opens a file that is no symlink, and does something with it. */
export async function withFile<T>(path: Name, use: (fd: number) => T | Promise<T>): Promise<T> {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Copies a file or a symlink to the place of whatever file or link is there, in one step. Neither end follows a symlink,
 * and where the file system can, a file shares its data with the original.
 */
export async function copyEntry(from: Entry, to: Entry, options: CopyOptions = {}): Promise<void> {
  await inOneStep(to, async (beside) => await copyToName(from, beside, options));
}

/** Copies a file or a symlink to a name that is free. @throws the system's EEXIST when it is not */
export async function copyToName(from: Entry, to: Name, options: CopyOptions = {}): Promise<void> {
  const { mode, keepTimes = false, flush = false } = options;
  const source = from.parent.at(from.name);
  const stat = lstatSync(source);
  if (stat.isSymbolicLink()) {
    symlinkSync(linkTextOf(from), to);
    if (keepTimes) lutimesSync(to, stat.atime, stat.mtime);
    return;
  }
  await withFile(source, async (input) => {
    const original = fstatSync(input);
    if (!original.isFile()) throw new Error(`${from.parent.path}/${from.name} is no file`);
    const flags = COPYFILE_EXCL | COPYFILE_FICLONE;
    // A small file is copied faster than another thread is asked to do it.
    if (original.size <= SMALL) copyFileSync(pathOfFile(input, source), to, flags);
    else await copyFile(pathOfFile(input, source), to, flags);
    await withFile(to, (output) => {
      fchmodSync(output, mode ?? original.mode & PERMISSIONS);
      if (keepTimes) futimesSync(output, original.atime, original.mtime);
      if (flush) fsyncSync(output);
    });
  });
}

/** The very file that is open, for calls that take a path (proc(5)); where there is no /proc, its path. */
export function pathOfFile(fd: number, path: Name): Name {
  const held = `/proc/self/fd/${fd}`;
  return lstatSync(held, { throwIfNoEntry: false }) ? held : path;
}
