import { createHash, type Hash } from 'node:crypto';
import { constants, copyFileSync, fchmodSync, fstatSync, lstatSync, mkdirSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { copyEntry, type Entry, linkTextOf, pathOfFile, withFile } from '../into/entry-copy.ts';
import { inDirectory, inParent } from '../platform/below.ts';
import { HeldDirectory } from '../platform/held-directory.ts';

/** Files copied before giving way to other work. */
const BATCH = 50;
const PERMISSIONS = 0o7777;
const GIT_FILE = Buffer.from('.git');
const CHUNK = Buffer.alloc(128 * 1024);

/** One copy under way: what was copied is in the digest, by the bytes of its name. */
class TreeCopy {
  readonly hash: Hash = createHash('sha256');
  readonly #signal: AbortSignal;
  #copied = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async directory(source: HeldDirectory, target: HeldDirectory, prefix: Buffer): Promise<void> {
    const entries = readdirSync(source.itself, { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries.sort((one, other) => Buffer.compare(one.name, other.name))) {
      if (prefix.length === 0 && entry.name.equals(GIT_FILE)) continue;
      const [from, to] = [
        { parent: source, name: entry.name },
        { parent: target, name: entry.name },
      ];
      const name = Buffer.concat([prefix, entry.name]);
      if (entry.isDirectory()) await this.#child(from, to, Buffer.concat([name, Buffer.from('/')]));
      else if (entry.isSymbolicLink()) await this.link(from, to, name);
      else if (entry.isFile()) await this.file(from, to, name);
      this.#copied += 1;
      if (this.#copied % BATCH !== 0) continue;
      await setImmediate();
      this.#signal.throwIfAborted();
    }
  }

  async #child(from: Entry, to: Entry, prefix: Buffer): Promise<void> {
    const source = from.parent.child(from.name);
    try {
      mkdirSync(to.parent.at(to.name));
      const target = to.parent.child(to.name);
      try {
        await this.directory(source, target, prefix);
      } finally {
        target.close();
      }
    } finally {
      source.close();
    }
  }

  async file(from: Entry, to: Entry, name: Buffer): Promise<void> {
    const [source, target] = [from.parent.at(from.name), to.parent.at(to.name)];
    const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
    await withFile(source, async (input) => {
      copyFileSync(pathOfFile(input, source), target, COPYFILE_EXCL | COPYFILE_FICLONE);
      const { mode } = fstatSync(input);
      await withFile(target, (output) => {
        // A read-only volume or an odd umask must not make our copy unwritable for us.
        fchmodSync(output, (mode & PERMISSIONS) | 0o200);
        this.#digest('file', `${(mode & 0o111) !== 0} `, name);
        for (let count = readSync(output, CHUNK); count > 0; count = readSync(output, CHUNK))
          this.hash.update(CHUNK.subarray(0, count));
      });
    });
  }

  async link(from: Entry, to: Entry, name: Buffer): Promise<void> {
    await copyEntry(from, to);
    this.#digest('link', '', name);
    this.hash.update(linkTextOf(to)).update('\0');
  }

  #digest(kind: string, facts: string, name: Buffer): void {
    this.hash.update(`${kind} ${facts}`).update(name).update('\0');
  }
}

export interface TreeCopyOptions {
  readonly from: string;
  /** A directory of ours; no symlink and no mount point below it is followed. */
  readonly root: string;
  /** Below `root`, or `root` itself, which is empty then. */
  readonly to: string;
  readonly signal: AbortSignal;
}

/**
 * Copies a tree, without `.git` at its top, or a single file, and gives a digest of all that was copied: names, kinds,
 * permissions and contents. Where the file system can, files share their data with the original.
 *
 * @returns hex digits
 */
export async function copyTree({ from, root, to, signal }: TreeCopyOptions): Promise<string> {
  const copy = new TreeCopy(signal);
  const stat = lstatSync(from);
  const source = HeldDirectory.open(stat.isDirectory() ? from : dirname(from));
  try {
    const nothing = Buffer.alloc(0);
    if (stat.isDirectory()) {
      const make = 0o777;
      await inDirectory({ root, path: to }, async (target) => await copy.directory(source, target, nothing), { make });
    } else {
      const entry = { parent: source, name: basename(from) };
      const use = async (parent: HeldDirectory, name: Buffer): Promise<void> =>
        await copy[stat.isSymbolicLink() ? 'link' : 'file'](entry, { parent, name }, nothing);
      await inParent({ root, path: to }, use, { make: 0o777 });
    }
  } finally {
    source.close();
  }
  return copy.hash.digest('hex');
}
