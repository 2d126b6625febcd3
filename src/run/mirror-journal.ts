import { readdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { copyEntry, type Entry, isSameEntry, LEFTOVER, removeEntry, statOf, textOf } from '../into/entry-copy.ts';
import { isOfKind, systemCode } from '../model/error.ts';
import { type Below, inDirectory, inParent, type WalkOptions } from '../platform/below.ts';
import {
  type BytePath,
  bytesOfPath,
  HERE,
  joinPath,
  type PathInJson,
  parentOf,
  pathFromJson,
  pathOfText,
  pathToJson,
} from '../platform/byte-path.ts';
import { appendBelow } from '../platform/files-below.ts';
import { removeWholeTree } from '../platform/remove-tree.ts';

/** One thing that a revision changes in the directory; `path` is relative to it, and to the release. */
export type Change =
  | { readonly kind: 'remove'; readonly path: BytePath }
  | {
      readonly kind: 'file' | 'link';
      readonly path: BytePath;
      readonly mode: number;
      /** What is there now: nothing, a file of an earlier revision, or one that no revision brought. */
      readonly replaces: 'nothing' | 'ours' | 'theirs';
    };

/** One line of the journal: what was at a path before, under a number in the backup; or nothing. */
interface Before {
  readonly path: BytePath;
  readonly backup: string | undefined;
}

const NAME = 'journal.ndjson';
const DIRECTORY_MODE = 0o777;

/** @returns undefined for a line that a power cut has torn */
function parseLine(line: string): Before | undefined {
  try {
    const { path, backup } = JSON.parse(line) as { path: PathInJson; backup?: string };
    return { path: pathFromJson(path), backup };
  } catch {
    return undefined;
  }
}

/** `path` below `root`; {@link HERE} is `root` itself. */
export function placeOf(root: string, path: BytePath): Below {
  return { root, path: path.length === 0 ? root : bytesOfPath(joinPath(pathOfText(root), path)) };
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
  return undefined;
}

/** A symlink or a mount point is on the way: what is behind it is not ours. */
export function leadsElsewhere(error: unknown): boolean {
  return isOfKind(error, 'redirected');
}

/**
 * Makes changes one by one and notes before each how to undo it. It works from directory descriptors: whatever an
 * application or a neighbour puts in the way meanwhile, nothing is written, read or removed through a symlink or a mount.
 */
export class MirrorJournal {
  readonly #directory: string;
  readonly #backup: Below & { readonly path: string };
  readonly #durable: boolean;
  #count = 0;

  /** @param durable each new file is on the disk before it has its name */
  constructor(directory: string, backupDir: string, durable: boolean) {
    this.#directory = directory;
    this.#durable = durable;
    this.#backup = { root: dirname(backupDir), path: backupDir };
  }

  /** Does something with the entry at `path` of the directory. @throws SidecarError ERR_PATH_REDIRECTED */
  async at<T>(path: BytePath, use: (entry: Entry) => T | Promise<T>, options?: WalkOptions): Promise<T> {
    return await inParent(placeOf(this.#directory, path), async (parent, name) => await use({ parent, name }), options);
  }

  async begin(): Promise<void> {
    await this.undo();
    await inDirectory(this.#backup, () => undefined, { make: 0o700 });
  }

  /** @param release holds the new file */
  async make(change: Change, release: string): Promise<void> {
    const { path } = change;
    await this.#remember(change);
    if (change.kind === 'remove') {
      await this.at(path, removeEntry);
      await this.#removeEmptyParents(path);
      return;
    }
    const options = { mode: change.mode, flush: this.#durable };
    await inParent(placeOf(release, path), async (parent, name) => {
      const place = async (entry: Entry): Promise<void> => await copyEntry({ parent, name }, entry, options);
      await this.at(path, place, { make: DIRECTORY_MODE });
    });
  }

  /**
   * Undoes everything noted, the newest first. Doing it twice does no harm.
   * @returns paths that lead elsewhere by now, so that nothing could be put back there
   */
  async undo(): Promise<readonly BytePath[]> {
    // A link in the place of the backup holds no journal of ours; it is removed below.
    const text = await this.#inBackup(NAME, textOf).catch((error: unknown) => {
      return leadsElsewhere(error) ? undefined : ignoreMissing(error);
    });
    // A last line that was cut off belongs to a change that was not made.
    const noted = (text ?? '')
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => parseLine(line) ?? []);
    await this.#removeTemporaries(noted);
    const left: BytePath[] = [];
    for (const before of noted.reverse()) {
      try {
        await this.#putBack(before);
      } catch (error) {
        if (!leadsElsewhere(error)) throw error;
        left.push(before.path);
      }
    }
    await this.forget();
    return left;
  }

  async forget(): Promise<void> {
    await removeWholeTree(this.#backup);
    this.#count = 0;
  }

  async #putBack({ path, backup }: Before): Promise<void> {
    if (backup === undefined) {
      await this.at(path, removeEntry).catch(ignoreMissing);
      await this.#removeEmptyParents(path);
      return;
    }
    await this.#inBackup(backup, async (kept) => {
      if (!statOf(kept)) return;
      const putBack = async (entry: Entry): Promise<void> => {
        // Of a file that cannot be replaced, as a mount point, nothing was replaced either.
        if (!(await isSameEntry(kept, entry))) await copyEntry(kept, entry, { keepTimes: true });
      };
      await this.at(path, putBack, { make: DIRECTORY_MODE });
    });
  }

  /** A process that was killed may have left a file half written, beside where it belongs. */
  async #removeTemporaries(noted: readonly Before[]): Promise<void> {
    if (noted.length === 0) return;
    for (const directory of new Set([HERE, ...noted.map(({ path }) => parentOf(path))])) {
      const clean = (parent: Entry['parent']): void => {
        for (const name of readdirSync(parent.itself, 'latin1')) if (LEFTOVER.test(name)) removeEntry({ parent, name });
      };
      await inDirectory(placeOf(this.#directory, directory), clean).catch((error: unknown) => {
        if (!leadsElsewhere(error)) ignoreMissing(error);
      });
    }
  }

  /**
   * What a revision brought is in its release as well, and after a power cut it comes back from there. Of what others
   * brought, this copy is the only one.
   */
  async #remember(change: Change): Promise<void> {
    const { path } = change;
    const flush = change.kind !== 'remove' && change.replaces === 'theirs';
    const backup = await this.at(path, async (entry) => {
      if (!statOf(entry)) return undefined;
      this.#count += 1;
      const number = `${this.#count}`;
      await this.#inBackup(number, async (kept) => await copyEntry(entry, kept, { keepTimes: true, flush }));
      return number;
    }).catch(ignoreMissing);
    const line = `${JSON.stringify({ path: pathToJson(path), backup })}\n`;
    await appendBelow({ root: this.#backup.root, path: `${this.#backup.path}/${NAME}` }, line, { flush });
  }

  /** Removes directories that became empty with `path`, up to the directory itself. */
  async #removeEmptyParents(path: BytePath): Promise<void> {
    for (let directory = parentOf(path); directory.length > 0; directory = parentOf(directory)) {
      try {
        await this.at(directory, ({ parent, name }) => rmdirSync(parent.at(name)));
      } catch {
        // It is not empty, a process works in it, or it leads elsewhere: it stays, and so do those above it.
        return;
      }
    }
  }

  async #inBackup<T>(name: string, use: (entry: Entry) => T | Promise<T>): Promise<T> {
    return await inDirectory(this.#backup, async (parent) => await use({ parent, name }));
  }
}
