import { lstatSync, readdirSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { inDirectory } from '../platform/below.ts';
import { type BytePath, pathOfText } from '../platform/byte-path.ts';
import { FILE_MODE, removeFileBelow, renameBelow, writeBelow } from '../platform/files-below.ts';
import type { Name } from '../platform/held-directory.ts';
import { isInside } from '../platform/paths.ts';
import { openUserPlace, USER_WALK } from '../platform/user-place.ts';
import { LEFTOVER, removeEntry } from './entry-copy.ts';
import { readIfThere } from './ledger.ts';
import { isAllowedMode } from './stamp.ts';

/** `--revision-file`: it holds the commit as long as the directory is complete, and is not there otherwise. */
export class RevisionFile {
  readonly #directory: string;
  /** Absolute. */
  readonly path: string;

  /** @param path absolute, or relative to `directory` */
  constructor(directory: string, path: string) {
    this.#directory = directory;
    this.path = resolve(directory, path);
  }

  /** The path in the directory; undefined when it is somewhere else. */
  get inner(): BytePath | undefined {
    return isInside(this.path, this.#directory) ? pathOfText(relative(this.#directory, this.path)) : undefined;
  }

  async remove(): Promise<void> {
    const place = await openUserPlace(this.#directory, this.path);
    // A directory there is not ours: `requireFree` says so before anything is changed.
    if (!isDirectory(place.path)) await removeFileBelow(place, { mounts: 'pass' });
  }

  /** It holds this commit, and is as we write it. */
  async shows(oid: Oid): Promise<boolean> {
    const place = await openUserPlace(this.#directory, this.path);
    // One that may not be read is not read.
    const stat = lstatSync(place.path, { throwIfNoEntry: false });
    if (!stat || !isAllowedMode(stat.mode, FILE_MODE & ~process.umask())) return false;
    return (await readIfThere(place, { mounts: 'pass' }))?.toString() === textOf(oid);
  }

  async show(oid: Oid): Promise<void> {
    if (await this.shows(oid)) return;
    await writeBelow(await openUserPlace(this.#directory, this.path), textOf(oid), USER_WALK);
  }

  /**
   * Makes sure that the file can be written: a directory is not ours.
   * @param suffix the end of its new name; undefined: it stays
   * @throws SidecarError ERR_INTO_OCCUPIED
   */
  async requireFree(suffix: string | undefined): Promise<void> {
    const { root, path } = await openUserPlace(this.#directory, this.path);
    if (!isDirectory(path)) return;
    if (suffix !== undefined) return await renameBelow(root, path, `${path}${suffix}`, USER_WALK);
    const detail = `a directory is in the place of --revision-file: ${path}`;
    throw new SidecarError('ERR_INTO_OCCUPIED', { op: 'bring the revision into', target: this.#directory, detail });
  }

  /** Removes what a killed process left half written beside it. */
  async removeLeftovers(): Promise<void> {
    const { root, path } = await openUserPlace(this.#directory, this.path);
    await inDirectory({ root, path: dirname(`${path}`) }, (parent) => {
      for (const name of readdirSync(parent.itself, 'latin1')) if (LEFTOVER.test(name)) removeEntry({ parent, name });
    });
  }
}

function isDirectory(path: Name): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function textOf(oid: Oid): string {
  return `${oid}\n`;
}
