import { appendFile, chmod, copyFile, cp, lstat, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readText, temporaryName } from '../platform/atomic-file.ts';
import { removeWholeTree } from '../platform/remove-tree.ts';
import { makeParents, removeEmptyParents } from './parents.ts';

/** One thing that a revision changes in the directory; `path` is relative to it. */
export type Change =
  | { readonly kind: 'remove'; readonly path: string }
  | {
      readonly kind: 'file' | 'link';
      readonly path: string;
      readonly from: string;
      readonly mode: number;
      readonly target: string;
    };

/** One line of the journal: what was at a path before, under a number in the backup; or nothing. */
interface Before {
  readonly path: string;
  readonly backup: string | undefined;
}

const NAME = 'journal.ndjson';
const TEMPORARY = '.tmp-git-sidecar';
const LEFTOVER = /^\.tmp-git-sidecar\.[0-9a-f]{16}$/;

/** Makes changes one by one and notes before each how to undo it. */
export class MirrorJournal {
  readonly #directory: string;
  readonly #backupDir: string;
  #count = 0;

  constructor(directory: string, backupDir: string) {
    this.#directory = directory;
    this.#backupDir = backupDir;
  }

  async begin(): Promise<void> {
    await this.undo();
    await mkdir(this.#backupDir, { recursive: true });
  }

  async make(change: Change): Promise<void> {
    const full = join(this.#directory, change.path);
    await this.#remember(change.path, full);
    if (change.kind === 'remove') {
      await rm(full, { force: true });
      await removeEmptyParents(this.#directory, change.path);
      return;
    }
    await makeParents(this.#directory, change.path);
    const temporary = temporaryName(this.#directory, TEMPORARY);
    try {
      if (change.kind === 'link') await symlink(change.target, temporary);
      else {
        await copyFile(change.from, temporary);
        await chmod(temporary, change.mode);
      }
      await rename(temporary, full);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Undoes everything noted, the newest first. Doing it twice does no harm. */
  async undo(): Promise<void> {
    const text = await readText(join(this.#backupDir, NAME));
    // A last line that was cut off belongs to a change that was not made.
    const lines = (text ?? '').split('\n').slice(0, -1);
    await this.#removeTemporaries(lines);
    for (const line of lines.reverse()) {
      const { path, backup } = JSON.parse(line) as Before;
      const full = join(this.#directory, path);
      if (backup === undefined) {
        await rm(full, { force: true });
        await removeEmptyParents(this.#directory, path);
        continue;
      }
      const kept = join(this.#backupDir, backup);
      if (!(await lstat(kept).catch(() => undefined))) continue;
      await makeParents(this.#directory, path);
      await this.#copy(kept, full);
    }
    await this.forget();
  }

  /** A process that was killed may have left a file half written, beside where it belongs. */
  async #removeTemporaries(lines: readonly string[]): Promise<void> {
    const paths = lines.map((line) => (JSON.parse(line) as Before).path);
    for (const directory of new Set(['.', ...paths.map(dirname)])) {
      const full = join(this.#directory, directory);
      const names = lines.length === 0 ? [] : await readdir(full).catch(() => [] as string[]);
      for (const name of names.filter((each) => LEFTOVER.test(each))) await rm(join(full, name), { force: true });
    }
  }

  async forget(): Promise<void> {
    await removeWholeTree({ root: dirname(this.#backupDir), path: this.#backupDir });
    this.#count = 0;
  }

  async #remember(path: string, full: string): Promise<void> {
    const exists = await lstat(full).catch(() => undefined);
    let backup: string | undefined;
    if (exists) {
      this.#count += 1;
      backup = `${this.#count}`;
      await this.#copy(full, join(this.#backupDir, backup));
    }
    await appendFile(join(this.#backupDir, NAME), `${JSON.stringify({ path, backup })}\n`);
  }

  /** Copies a file or a link in one step, with its permissions. */
  async #copy(from: string, to: string): Promise<void> {
    const temporary = temporaryName(this.#backupDir, TEMPORARY);
    await cp(from, temporary, { verbatimSymlinks: true, recursive: false, preserveTimestamps: true });
    try {
      await rename(temporary, to);
    } catch {
      // The backup is on another file system than the directory.
      const beside = temporaryName(join(to, '..'), TEMPORARY);
      await cp(temporary, beside, { verbatimSymlinks: true, preserveTimestamps: true });
      await rename(beside, to);
      await rm(temporary, { force: true });
    }
  }
}
