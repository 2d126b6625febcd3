import { randomBytes } from 'node:crypto';
import { constants, lutimesSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { systemCode } from '../model/error.ts';
import { type Below, inDirectory, inParent, type WalkOptions } from './below.ts';
import type { HeldDirectory, Name } from './held-directory.ts';

export interface WriteOptions extends WalkOptions {
  /** Permission bits of the new file, before the umask. */
  readonly mode?: number;
  /** The content is on the disk before the file has its name. */
  readonly flush?: boolean;
}

const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
const DIRECTORY_MODE = 0o777;
/** Of a new file, before the umask. */
export const FILE_MODE = 0o644;

/** A name nobody else uses, for writing something in two steps. */
function temporaryEntry(prefix: string): string {
  return `${prefix}.${randomBytes(8).toString('hex')}`;
}

async function create(
  parent: HeldDirectory,
  name: Name,
  content: string | Buffer,
  { mode = FILE_MODE, flush = false }: WriteOptions,
): Promise<void> {
  const file = await open(parent.at(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    await file.writeFile(content);
    if (flush) await file.sync();
  } finally {
    await file.close();
  }
}

function unlinkIfThere(parent: HeldDirectory, name: Name): void {
  try {
    unlinkSync(parent.at(name));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** Lets `make` put something under a temporary name and moves it to its own: whatever was there is replaced at once. */
async function replace(
  parent: HeldDirectory,
  name: Name,
  make: (temporary: string) => void | Promise<void>,
  prefix = '.tmp-git-sidecar',
): Promise<void> {
  const temporary = temporaryEntry(prefix);
  try {
    await make(temporary);
    renameSync(parent.at(temporary), parent.at(name));
  } catch (error) {
    unlinkIfThere(parent, temporary);
    throw error;
  }
}

/**
 * Writes the whole of `content` to a file or leaves what was there; a symlink in its place is replaced, not followed.
 * Missing directories are made.
 */
export async function writeBelow(place: Below, content: string | Buffer, options: WriteOptions = {}): Promise<void> {
  const { make = DIRECTORY_MODE, ...rest } = options;
  await inParent(
    place,
    async (parent, name) =>
      await replace(parent, name, async (temporary) => await create(parent, temporary, content, rest)),
    { ...rest, make },
  );
}

/** Makes a new file. @throws the system's EEXIST when anything is there */
export async function createBelow(place: Below, content: string | Buffer, options: WriteOptions = {}): Promise<void> {
  await inParent(place, async (parent, name) => await create(parent, name, content, options), options);
}

/** Adds to the end of a file, which is made when it is missing. @throws the system's ELOOP for a symlink */
export async function appendBelow(place: Below, content: string | Buffer, options: WriteOptions = {}): Promise<void> {
  const { mode = FILE_MODE, flush = false, ...walk } = options;
  await inParent(
    place,
    async (parent, name) => {
      const file = await open(parent.at(name), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, mode);
      try {
        await file.writeFile(content);
        if (flush) await file.sync();
      } finally {
        await file.close();
      }
    },
    walk,
  );
}

/** Sets access and modification time of whatever is at `path`; of a symlink, its own. */
export async function setTimesBelow(place: Below, at: Date, options: WalkOptions = {}): Promise<void> {
  await inParent(place, (parent, name) => lutimesSync(parent.at(name), at, at), options);
}

/**
 * Makes an empty file, or sets the modification time of the one that is there. A symlink in its place is removed first.
 * Missing directories are made.
 */
export async function touchBelow(place: Below, at: Date, options: WriteOptions = {}): Promise<void> {
  const { mode = FILE_MODE, make = DIRECTORY_MODE, ...walk } = options;
  await inParent(place, async (parent, name) => await touch(parent, name, at, mode), { ...walk, make });
}

async function touch(parent: HeldDirectory, name: Name, at: Date, mode: number): Promise<void> {
  const openFile = async () => await open(parent.at(name), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode);
  const file = await openFile().catch(async (error: unknown) => {
    if (systemCode(error) !== 'ELOOP') throw error;
    unlinkIfThere(parent, name);
    return await openFile();
  });
  try {
    await file.utimes(at, at);
  } finally {
    await file.close();
  }
}

/** Makes a directory and those above it; one that is there is fine. */
export async function makeDirectoryBelow(
  place: Below,
  mode = DIRECTORY_MODE,
  options: WalkOptions = {},
): Promise<void> {
  await inDirectory(place, () => undefined, { ...options, make: mode });
}

/** Makes a new directory in one that is there. @throws the system's EEXIST when anything is there */
export async function createDirectoryBelow(place: Below, mode = DIRECTORY_MODE): Promise<void> {
  await inParent(place, (parent, name) => mkdirSync(parent.at(name), { mode }));
}

/** Renames what is at `from` to `to`, both below `root`, as rename(2) does. */
export async function renameBelow(root: string, from: Name, to: Name, options: WalkOptions = {}): Promise<void> {
  await inParent(
    { root, path: from },
    async (fromParent, fromName) => {
      await inParent(
        { root, path: to },
        (toParent, toName) => {
          try {
            renameSync(fromParent.at(fromName), toParent.at(toName));
          } catch (error) {
            throw fromParent.explain(error);
          }
        },
        options,
      );
    },
    options,
  );
}

/** Puts a symlink with this text in place of whatever file or link is there, in one step; `prefix` begins its first name. */
export async function symlinkBelow(
  place: Below,
  text: string,
  prefix: string,
  options: WalkOptions = {},
): Promise<void> {
  await inParent(
    place,
    async (parent, name) => await replace(parent, name, (temporary) => symlinkSync(text, parent.at(temporary)), prefix),
    options,
  );
}

/** Removes a file or a link; nothing there is fine, and so is a missing directory. @throws the system's error */
export async function removeFileBelow(place: Below, options: WalkOptions = {}): Promise<void> {
  try {
    await inParent(place, (parent, name) => unlinkIfThere(parent, name), options);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
