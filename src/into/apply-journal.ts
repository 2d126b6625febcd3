import { lstatSync, renameSync, rmdirSync } from 'node:fs';
import { SidecarError, systemCode } from '../model/error.ts';
import { type BytePath, bytesOfPath, continuePath, joinPath, parentOf, pathOfText } from '../platform/byte-path.ts';
import type { HeldDirectory } from '../platform/held-directory.ts';
import { showPath } from '../platform/show-path.ts';
import type { Breath } from './breath.ts';
import { removeEntry, statOf, temporaryEntryName } from './entry-copy.ts';
import type { Clearing, Journal, NewDirectory, Placement } from './journal.ts';
import type { Ledger } from './ledger.ts';
import type { OpenPath } from './open-path.ts';
import { entriesIn, isNfsLeftover } from './our-directory.ts';
import { placeOf, removeIfEmpty } from './stage-files.ts';
import { inDoubt, isSameFile, type Stamp, stampOf } from './stamp.ts';

const SLASH = pathOfText('/');

/** What a journal is applied to, and by. */
export interface ApplyOptions {
  readonly target: OpenPath;
  readonly ledger: Pick<Ledger, 'files' | 'directories'>;
  readonly breath: Breath;
}

/**
 * Does what a journal says, whose files are all staged: new and changed files first, removals last. It takes no room on
 * the disk. Another process may have done any part of it before; doing it again does no harm.
 *
 * @returns the ledger afterwards
 * @throws SidecarError ERR_INTO_OCCUPIED when something that is not ours came in the way meanwhile; the system's error
 */
export async function applyJournal(journal: Journal, options: ApplyOptions): Promise<Ledger> {
  return await new Application(journal, options).run();
}

class Application {
  readonly #journal: Journal;
  readonly #target: OpenPath;
  readonly #breath: Breath;
  readonly #files: Map<BytePath, Stamp>;
  readonly #directories: Set<BytePath>;

  constructor(journal: Journal, { target, ledger, breath }: ApplyOptions) {
    this.#journal = journal;
    this.#target = target;
    this.#breath = breath;
    this.#files = new Map(ledger.files);
    this.#directories = new Set(ledger.directories);
  }

  async run(): Promise<Ledger> {
    const { head, prepare, placements, removals, emptied, adopted, forgotten } = this.#journal;
    const [files, directories] = [this.#files, this.#directories];
    for (const path of prepare) directories.add(path);
    for (const placement of placements) {
      files.set(placement.path, this.#place(placement));
      await this.#breath.take();
    }
    for (const [path, stamp] of adopted) files.set(path, stamp);
    for (const path of forgotten) files.delete(path);
    for (const { path, seen } of removals) {
      this.#remove(path, seen);
      files.delete(path);
      await this.#breath.take();
    }
    for (const path of emptied) if (removeIfEmpty(this.#target, path)) directories.delete(path);
    return { head, files, directories };
  }

  #place({ path, temporary, isNew, clear, make }: Placement): Stamp {
    const target = this.#target;
    const staged = target.entry(temporary);
    const before = staged && stampOf(lstatSync(staged.parent.at(staged.name)));
    // Without it, the file is where it belongs already.
    if (before) {
      for (const clearing of clear) this.#clear(clearing);
      for (const directory of make) this.#putDirectory(directory);
      this.#rename(temporary, path, isNew);
    }
    for (const directory of make) this.#directories.add(directory.path);
    const entry = target.entry(path);
    const stat = entry && statOf(entry);
    const after = stat && stampOf(stat);
    if (before && after && isSameFile(before, after)) return after;
    // It was renamed by another process, or somebody edits it at this moment.
    return inDoubt(after ?? { kind: 'file', mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0 });
  }

  #rename(temporary: BytePath, path: BytePath, isNew: boolean): void {
    // It was staged in the same directory, or in one above, so both stay open.
    const from = placeOf(this.#target, temporary);
    const to = placeOf(this.#target, path);
    const stat = statOf(to);
    if (stat?.isDirectory() || (isNew && stat)) throw this.#occupied(path);
    renameSync(from.parent.at(from.name), to.parent.at(to.name));
  }

  #putDirectory({ path, temporary }: NewDirectory): void {
    const made = this.#target.entry(temporary);
    const to = placeOf(this.#target, path);
    if (made && !statOf(to)) renameSync(made.parent.at(made.name), to.parent.at(to.name));
    this.#target.forget();
  }

  #clear(clearing: Clearing): void {
    const { path } = clearing;
    if (clearing.how === 'unlink') this.#remove(path, clearing.seen);
    else if (clearing.how === 'aside') this.#moveAside(clearing);
    else this.#empty(path, clearing.files);
  }

  /** Removes a file or link, if it is the one that was seen. */
  #remove(path: BytePath, seen: Stamp): void {
    const entry = this.#target.entry(path);
    const stat = entry && statOf(entry);
    const now = stat && stampOf(stat);
    if (entry && now && isSameFile(now, seen)) removeEntry(entry);
  }

  #moveAside({ path, to, ours }: Extract<Clearing, { how: 'aside' }>): void {
    for (const file of ours) this.#remove(file.path, file.seen);
    const entry = this.#target.entry(path);
    const { parent, name } = placeOf(this.#target, to);
    if (!entry || statOf({ parent, name })) return;
    renameSync(entry.parent.at(entry.name), parent.at(name));
    this.#target.forget();
  }

  /** Removes a directory in which nothing but files of ours is left. */
  #empty(path: BytePath, files: readonly BytePath[]): void {
    const target = this.#target;
    for (const file of files) {
      const entry = target.entry(file);
      if (entry && !statOf(entry)?.isDirectory()) removeEntry(entry);
      this.#files.delete(file);
    }
    target.forget();
    const entry = target.entry(path);
    if (!entry || !statOf(entry)?.isDirectory()) return;
    const directory = entry.parent.child(entry.name);
    try {
      removeDirectoriesIn(directory);
    } finally {
      directory.close();
    }
    this.#forgetDirectories(path);
    if (removeIfEmpty(target, path)) return;
    this.#directories.add(this.#moveLeftoversAside(path));
  }

  /** NFS keeps files that are open somewhere; the directory goes under another name, until it can be removed. */
  #moveLeftoversAside(path: BytePath): BytePath {
    const { parent, name } = placeOf(this.#target, path);
    const directory = parent.child(name);
    try {
      if (!entriesIn(directory).every((each) => isNfsLeftover(each.name))) throw this.#occupied(path);
    } finally {
      directory.close();
    }
    const other = temporaryEntryName();
    renameSync(parent.at(name), parent.at(other));
    return joinPath(parentOf(path), pathOfText(other));
  }

  #forgetDirectories(path: BytePath): void {
    const below = continuePath(path, SLASH);
    for (const each of this.#directories) if (each === path || each.startsWith(below)) this.#directories.delete(each);
  }

  #occupied(path: BytePath): SidecarError {
    const detail = 'something else was put there a moment ago';
    return new SidecarError('ERR_INTO_OCCUPIED', { op: 'put a file at', target: showPath(path), detail });
  }
}

/** Removes the empty directories in one, as far as they are empty; no mount is entered. */
function removeDirectoriesIn(directory: HeldDirectory): void {
  for (const { name, kind } of entriesIn(directory)) {
    if (kind !== 'directory') continue;
    const bytes = bytesOfPath(name);
    const child = directory.child(bytes);
    try {
      if (child.mount === directory.mount) removeDirectoriesIn(child);
    } finally {
      child.close();
    }
    try {
      rmdirSync(directory.at(bytes));
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(systemCode(error) ?? '')) throw directory.explain(error);
    }
  }
}
