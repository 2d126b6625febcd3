import { type BigIntStats, lstatSync, mkdirSync } from 'node:fs';
import { openBelow } from '../platform/below.ts';
import { type BytePath, HERE, systemPath } from '../platform/byte-path.ts';
import type { HeldDirectory, Name } from '../platform/held-directory.ts';

/** A directory of the tree while its entries are being read: git's order keeps them together. */
interface OpenDirectory {
  /** `` or `a/b/`. */
  readonly prefix: BytePath;
  /** The last part of it. */
  readonly name: Name;
  /** undefined where it is no real directory: nothing is ever taken from behind a symlink. */
  readonly from: HeldDirectory | undefined;
  /** Made with the first file that goes in, or git would not know of it and leave it behind. */
  to: HeldDirectory | undefined;
}

/** `lstat` in nanoseconds; undefined where there is nothing, or something that cannot be looked at. */
export function lstatAt(path: Name): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function openChild(directory: HeldDirectory | undefined, name: Name): HeldDirectory | undefined {
  try {
    return directory?.child(name);
  } catch {
    // It has gone, is no directory, or may not be entered: what the index has in it stays behind.
    return undefined;
  }
}

/**
 * The directories on the way to one entry, in the tree that is left and in the one that takes its place. They are held
 * by descriptors: whatever another process renames or puts into their places, these are the ones that were looked at.
 */
export class PairedDirectories {
  readonly #open: OpenDirectory[];

  private constructor(from: HeldDirectory, to: HeldDirectory) {
    this.#open = [{ prefix: HERE, name: '', from, to }];
  }

  /** @throws SidecarError ERR_PATH_REDIRECTED when a link or a mount is on the way from `root` to one of them */
  static open(root: string, from: string, to: string): PairedDirectories {
    const source = openBelow({ root, path: from });
    try {
      return new PairedDirectories(source, openBelow({ root, path: to }));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Both top directories have the same permissions and owner. */
  get areAlike(): boolean {
    const [one, other] = [this.#top.from, this.#top.to].map((each) => each && lstatAt(each.itself));
    return one !== undefined && one.mode === other?.mode && one.uid === other.uid && one.gid === other.gid;
  }

  /** Opens the directory of `path`. @returns the one that is left; undefined when another user owns what is there */
  enter(path: BytePath): HeldDirectory | undefined {
    while (!path.startsWith(this.#current.prefix)) closeBoth(this.#open.pop());
    for (;;) {
      const { prefix, from } = this.#current;
      const slash = path.indexOf('/', prefix.length);
      if (slash < 0) return from;
      const name = systemPath(path.slice(prefix.length, slash));
      this.#open.push({ prefix: path.slice(0, slash + 1), name, from: openChild(from, name), to: undefined });
    }
  }

  /** Makes the directory that was entered, where it is not there yet. */
  make(): HeldDirectory {
    let to = this.#top.to as HeldDirectory;
    for (const directory of this.#open) {
      if (!directory.to) {
        mkdirSync(to.at(directory.name));
        directory.to = to.child(directory.name);
      }
      to = directory.to;
    }
    return to;
  }

  /** The system's error with paths that a person knows. */
  explain(error: unknown): unknown {
    return this.#open.reduce((known, { from, to }) => {
      const first = from ? from.explain(known) : known;
      return to ? to.explain(first) : first;
    }, error);
  }

  close(): void {
    for (const directory of this.#open.splice(0)) closeBoth(directory);
  }

  get #top(): OpenDirectory {
    return this.#open[0] as OpenDirectory;
  }

  get #current(): OpenDirectory {
    return this.#open.at(-1) as OpenDirectory;
  }
}

function closeBoth(directory: OpenDirectory | undefined): void {
  directory?.from?.close();
  directory?.to?.close();
}
