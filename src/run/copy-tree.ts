import { constants, copyFileSync, fchmodSync, fstatSync, lstatSync, mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { copyEntry, type Entry, pathOfFile, withFile } from '../into/entry-copy.ts';
import { inDirectory, inParent } from '../platform/below.ts';
import { HeldDirectory } from '../platform/held-directory.ts';
import { belowName, entriesOf, NOTHING, TreeDigest } from './tree-digest.ts';

const PERMISSIONS = 0o7777;

/** One copy under way: what was copied is in the digest, by the bytes of its name. */
class TreeCopy {
  readonly digest: TreeDigest;

  constructor(signal: AbortSignal) {
    this.digest = new TreeDigest(signal);
  }

  async directory(source: HeldDirectory, target: HeldDirectory, prefix: Buffer): Promise<void> {
    for (const { kind, name } of entriesOf(source, prefix)) {
      const [from, to] = [
        { parent: source, name },
        { parent: target, name },
      ];
      const path = Buffer.concat([prefix, name]);
      if (kind === 'directory') await this.#child(from, to, belowName(path));
      else if (kind === 'link') await this.link(from, to, path);
      else await this.file(from, to, path);
      await this.digest.breathe();
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
        this.digest.takeFile(output, mode, name);
      });
    });
  }

  async link(from: Entry, to: Entry, name: Buffer): Promise<void> {
    await copyEntry(from, to);
    this.digest.takeLink(to, name);
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
    if (stat.isDirectory()) {
      const make = 0o777;
      await inDirectory({ root, path: to }, async (target) => await copy.directory(source, target, NOTHING), { make });
    } else {
      const entry = { parent: source, name: basename(from) };
      const use = async (parent: HeldDirectory, name: Buffer): Promise<void> =>
        await copy[stat.isSymbolicLink() ? 'link' : 'file'](entry, { parent, name }, NOTHING);
      await inParent({ root, path: to }, use, { make: 0o777 });
    }
  } finally {
    source.close();
  }
  return copy.digest.end();
}
