import { readdirSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { Oid } from '../model/oid.ts';
import { inDirectory } from '../platform/below.ts';
import { type BytePath, pathOfText } from '../platform/byte-path.ts';
import { removeFileBelow, writeBelow } from '../platform/files-below.ts';
import { isInside } from '../platform/paths.ts';
import { openUserPlace, USER_WALK } from '../platform/user-place.ts';
import { LEFTOVER, removeEntry } from './entry-copy.ts';
import { readIfThere } from './ledger.ts';

/** `--revision-file`: it holds the commit as long as the directory is complete, and is not there otherwise. */
export class RevisionFile {
  readonly #directory: string;
  readonly #path: string;

  /** @param path absolute, or relative to `directory` */
  constructor(directory: string, path: string) {
    this.#directory = directory;
    this.#path = resolve(directory, path);
  }

  /** The path in the directory; undefined when it is somewhere else. */
  get inner(): BytePath | undefined {
    return isInside(this.#path, this.#directory) ? pathOfText(relative(this.#directory, this.#path)) : undefined;
  }

  async remove(): Promise<void> {
    await removeFileBelow(await openUserPlace(this.#directory, this.#path), { mounts: 'pass' });
  }

  /** @returns whether it had to be written */
  async show(oid: Oid): Promise<boolean> {
    const place = await openUserPlace(this.#directory, this.#path);
    const text = `${oid}\n`;
    if ((await readIfThere(place).catch(() => undefined))?.toString() === text) return false;
    await writeBelow(place, text, USER_WALK);
    return true;
  }

  /** Removes what a killed process left half written beside it. */
  async removeLeftovers(): Promise<void> {
    const { root, path } = await openUserPlace(this.#directory, this.#path);
    await inDirectory({ root, path: dirname(`${path}`) }, (parent) => {
      for (const name of readdirSync(parent.itself, 'latin1')) if (LEFTOVER.test(name)) removeEntry({ parent, name });
    });
  }
}
