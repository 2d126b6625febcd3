import { createHash } from 'node:crypto';
import { fstatSync, lstatSync, readdirSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type Entry, linkTextOf, withFile } from '../into/entry-copy.ts';
import { inDirectory, inParent } from '../platform/below.ts';
import type { HeldDirectory } from '../platform/held-directory.ts';

/** Files that are read before giving way to other work. */
const BATCH = 50;
const GIT_FILE = Buffer.from('.git');
const SLASH = Buffer.from('/');
const CHUNK = Buffer.alloc(128 * 1024);
export const NOTHING = Buffer.alloc(0);

export interface TreeEntry {
  readonly kind: 'directory' | 'link' | 'file';
  readonly name: Buffer;
}

/** The prefix of the names in a directory. */
export function belowName(path: Buffer): Buffer {
  return Buffer.concat([path, SLASH]);
}

/** What of a directory belongs to a release, in the order of the bytes of the names. */
export function entriesOf(directory: HeldDirectory, prefix: Buffer): readonly TreeEntry[] {
  const entries = readdirSync(directory.itself, { withFileTypes: true, encoding: 'buffer' });
  return entries
    .sort((one, other) => Buffer.compare(one.name, other.name))
    .flatMap((entry): TreeEntry[] => {
      const { name } = entry;
      if (prefix.length === 0 && name.equals(GIT_FILE)) return [];
      if (entry.isDirectory()) return [{ kind: 'directory', name }];
      if (entry.isSymbolicLink()) return [{ kind: 'link', name }];
      return entry.isFile() ? [{ kind: 'file', name }] : [];
    });
}

/** A digest of a tree under way: names, kinds, whether a file is executable, and contents. */
export class TreeDigest {
  readonly #hash = createHash('sha256');
  readonly #signal: AbortSignal;
  #taken = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @param fd of the file, read from where it stands */
  takeFile(fd: number, mode: number, name: Buffer): void {
    this.#name('file', `${(mode & 0o111) !== 0} `, name);
    for (let count = readSync(fd, CHUNK); count > 0; count = readSync(fd, CHUNK))
      this.#hash.update(CHUNK.subarray(0, count));
  }

  takeLink(entry: Entry, name: Buffer): void {
    this.#name('link', '', name);
    this.#hash.update(linkTextOf(entry)).update('\0');
  }

  /** Gives way to other work now and then. @throws the reason of the signal */
  async breathe(): Promise<void> {
    this.#taken += 1;
    if (this.#taken % BATCH !== 0) return;
    await setImmediate();
    this.#signal.throwIfAborted();
  }

  /** @returns hex digits */
  end(): string {
    return this.#hash.digest('hex');
  }

  #name(kind: string, facts: string, name: Buffer): void {
    this.#hash.update(`${kind} ${facts}`).update(name).update('\0');
  }
}

async function takeEntry(digest: TreeDigest, entry: Entry, name: Buffer): Promise<void> {
  const { parent } = entry;
  if (lstatSync(parent.at(entry.name)).isSymbolicLink()) digest.takeLink(entry, name);
  else await withFile(parent.at(entry.name), (fd) => digest.takeFile(fd, fstatSync(fd).mode, name));
}

async function takeDirectory(digest: TreeDigest, directory: HeldDirectory, prefix: Buffer): Promise<void> {
  for (const { kind, name } of entriesOf(directory, prefix)) {
    const path = Buffer.concat([prefix, name]);
    if (kind !== 'directory') await takeEntry(digest, { parent: directory, name }, path);
    else {
      const child = directory.child(name);
      try {
        await takeDirectory(digest, child, belowName(path));
      } finally {
        child.close();
      }
    }
    await digest.breathe();
  }
}

/**
 * The digest that `copyTree` gave when it made what is at `path`, as long as nobody changed it since.
 * @param path below `root`, or `root` itself
 * @returns hex digits
 * @throws the system's error where it cannot be read
 */
export async function digestTree(root: string, path: string, signal: AbortSignal): Promise<string> {
  const digest = new TreeDigest(signal);
  if (lstatSync(path).isDirectory())
    await inDirectory({ root, path }, async (held) => await takeDirectory(digest, held, NOTHING));
  else await inParent({ root, path }, async (parent, name) => await takeEntry(digest, { parent, name }, NOTHING));
  return digest.end();
}
