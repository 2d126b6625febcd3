import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { systemCode } from '../model/error.ts';
import { pathOfBytes, systemPath } from './byte-path.ts';
import { type DirectoryIdentity, type HeldDirectory, isSameDirectory } from './held-directory.ts';

/** Why something could not be removed. */
export type KeptReason = 'mount point' | 'in use' | 'not permitted' | 'changing' | 'leads elsewhere' | 'failed';

/** Something that is still there, and why. */
export interface Kept {
  readonly path: string;
  readonly reason: KeptReason;
  /** The system's code, where there was one. */
  readonly code?: string;
}

export interface RemoveOptions {
  readonly signal?: AbortSignal;
  /** Called between looking at an entry and acting on it: a test changes the entry here, as a neighbour might. */
  readonly onEntry?: (path: string) => void;
}

/** Entries removed before giving way to other work. */
const BATCH = 200;
/** Directories that are held open at a time; those further up are opened again on the way back. */
const MOST_OPEN = 32;
/** How often a directory is emptied in which new entries appear. */
const MOST_PASSES = 3;
/** Paths that are named; a tree may hold a million that cannot be removed. */
const MOST_NAMED = 20;

const REASONS: Readonly<Record<string, KeptReason>> = {
  EBUSY: 'in use',
  ETXTBSY: 'in use',
  EPERM: 'not permitted',
  EACCES: 'not permitted',
  EROFS: 'not permitted',
  ENOTEMPTY: 'changing',
  EEXIST: 'changing',
  EISDIR: 'changing',
};

/** A system error about `path` as a thing that is kept. @throws anything that is no system error */
export function keptFor(path: string, error: unknown): Kept {
  const code = systemCode(error);
  if (code === undefined) throw error;
  return { path, reason: REASONS[code] ?? 'failed', code };
}

/** A directory that is being emptied. */
interface Level {
  readonly name: Buffer;
  readonly path: string;
  /** undefined while it is not held open; then `identity` says which directory it was. */
  directory: HeldDirectory | undefined;
  identity: DirectoryIdentity | undefined;
  /** The directories in it that are still to be removed. */
  pending: Buffer[];
  hasKept: boolean;
  passes: number;
}

/** The way back up does not lead to where we came from: another process moved a directory out of the tree. */
class Moved extends Error {}

/**
 * One removal, depth first. It works from descriptors, so a directory that is swapped for a symlink meanwhile never
 * leads it elsewhere, and it looks at the mount of each directory before it touches anything in it.
 */
export class TreeRemoval {
  readonly kept: Kept[] = [];
  readonly #top: HeldDirectory;
  readonly #mount: string;
  readonly #options: RemoveOptions;
  readonly #levels: Level[] = [];
  #steps = 0;

  /** @param top holds what is to be removed; the caller closes it */
  constructor(top: HeldDirectory, options: RemoveOptions) {
    this.#top = top;
    this.#mount = top.mount;
    this.#options = options;
  }

  async remove(name: Buffer): Promise<void> {
    try {
      await this.#enter(this.#top, name);
      for (let level = this.#levels.at(-1); level; level = this.#levels.at(-1)) {
        const directory = this.#directoryOf(level);
        const next = level.pending.pop();
        if (next) await this.#enter(directory, next);
        else await this.#leave(level, directory);
      }
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
      this.#keep({ path: error.message, reason: 'changing' });
    } finally {
      for (const { directory } of this.#levels) directory?.close();
    }
  }

  /** Starts on a directory; anything else is removed at once. */
  async #enter(parent: HeldDirectory, name: Buffer): Promise<void> {
    const path = `${parent.path}/${name}`;
    if (this.#isToRest(parent.path, name)) await this.#rest();
    let directory: HeldDirectory;
    try {
      directory = parent.child(name);
    } catch (error) {
      if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'ELOOP') this.#unlink(parent, name);
      else this.#keepFor(path, error);
      return;
    }
    if (directory.mount !== this.#mount) {
      directory.close();
      this.#keep({ path, reason: 'mount point' });
      return;
    }
    const level = { name, path, directory, identity: undefined, pending: [], hasKept: false, passes: 0 };
    this.#levels.push(level);
    this.#closeFarAbove();
    await this.#removeFiles(level, directory);
  }

  /** Removes what is no directory, and notes the directories. */
  async #removeFiles(level: Level, directory: HeldDirectory): Promise<void> {
    level.passes += 1;
    try {
      directory.openUp();
      for (const entry of readdirSync(directory.itself, { withFileTypes: true, encoding: 'buffer' })) {
        if (entry.isDirectory()) level.pending.push(entry.name);
        else {
          if (this.#isToRest(level.path, entry.name)) await this.#rest();
          this.#unlink(directory, entry.name, level.pending);
        }
      }
    } catch (error) {
      this.#keepFor(level.path, error);
    }
  }

  /** @param directories takes the name when it has become a directory meanwhile */
  #unlink(parent: HeldDirectory, name: Buffer, directories?: Buffer[]): void {
    try {
      unlinkSync(parent.at(systemPath(pathOfBytes(name))));
    } catch (error) {
      if (directories && systemCode(error) === 'EISDIR') directories.push(name);
      else this.#keepFor(`${parent.path}/${name}`, error);
    }
  }

  /** Removes the directory itself, which is empty now unless something in it is kept. */
  async #leave(level: Level, directory: HeldDirectory): Promise<void> {
    const above = this.#levels.at(-2);
    const parent = above ? this.#directoryOf(above, directory) : this.#top;
    if (this.#isToRest(above?.path ?? this.#top.path, level.name)) await this.#rest();
    if (!level.hasKept && !this.#removeEmpty(level, parent)) {
      await this.#removeFiles(level, directory);
      return;
    }
    this.#levels.pop();
    directory.close();
    if (above && level.hasKept) above.hasKept = true;
  }

  /** @returns false when the directory has to be emptied once more */
  #removeEmpty(level: Level, parent: HeldDirectory): boolean {
    try {
      rmdirSync(parent.at(level.name));
    } catch (error) {
      const code = systemCode(error);
      if ((code === 'ENOTEMPTY' || code === 'EEXIST') && level.passes < MOST_PASSES) return false;
      if (code === 'ENOTDIR') this.#unlink(parent, level.name);
      else this.#keepFor(level.path, error);
    }
    return true;
  }

  /** The directory of a level; one that was closed is reached from the directory below it. */
  #directoryOf(level: Level, below?: HeldDirectory): HeldDirectory {
    if (level.directory) return level.directory;
    if (!below) throw new Moved(level.path);
    const directory = below.parent(level.path);
    if (!level.identity || !isSameDirectory(directory.identity, level.identity)) {
      directory.close();
      throw new Moved(level.path);
    }
    level.directory = directory;
    return directory;
  }

  #closeFarAbove(): void {
    const level = this.#levels.at(-1 - MOST_OPEN);
    if (!level?.directory) return;
    level.identity = level.directory.identity;
    level.directory.close();
    level.directory = undefined;
  }

  /** An entry is about to be removed. @returns whether other work is to come first */
  #isToRest(directory: string, name: Buffer): boolean {
    this.#options.onEntry?.(`${directory}/${name}`);
    this.#steps += 1;
    return this.#steps % BATCH === 0;
  }

  async #rest(): Promise<void> {
    await setImmediate();
    this.#options.signal?.throwIfAborted();
  }

  #keep(kept: Kept): void {
    if (this.kept.length < MOST_NAMED) this.kept.push(kept);
    const level = this.#levels.at(-1);
    if (level) level.hasKept = true;
  }

  #keepFor(path: string, error: unknown): void {
    if (systemCode(error) !== 'ENOENT') this.#keep(keptFor(path, error));
  }
}
