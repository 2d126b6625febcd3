import { closeSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type BytePath, continuePath, HERE, joinPath, pathOfText, systemPath } from '../platform/byte-path.ts';
import { listNames } from '../platform/list-directory.ts';
import { type EntryFacts, GITLINK_MODE, type IndexEntry, lookThroughIndex, readIndex } from './index-file.ts';
import type { Worktree } from './worktree.ts';

export interface TreeReport {
  /** Tracked files that are gone or do not look as git left them. */
  readonly changed: readonly BytePath[];
  /** Files and directories that no commit put there. */
  readonly untracked: readonly BytePath[];
  readonly entries: number;
}

/** Paths that are looked at before giving way to other work. */
const BATCH = 500;
/** Most paths named in a report; the rest of the tree is not looked at any further. */
const MOST_NAMED = 100;

const SYMLINK_MODE = 0o120000;
/** What a double loses of a time in nanoseconds, and a bit. */
const MTIME_TOLERANCE_MS = 0.002;

function statOrNothing(path: BytePath): Stats | undefined {
  try {
    return lstatSync(systemPath(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function looksUntouched(root: BytePath, entry: IndexEntry): boolean {
  const stat = statOrNothing(joinPath(root, entry.path));
  if (!stat) return false;
  if (entry.mode === GITLINK_MODE) return stat.isDirectory();
  if (entry.mode === SYMLINK_MODE ? !stat.isSymbolicLink() : !stat.isFile()) return false;
  if (entry.mode !== SYMLINK_MODE && ((stat.mode & 0o100) !== 0) !== ((entry.mode & 0o100) !== 0)) return false;
  return stat.size >>> 0 === entry.size && Math.abs(stat.mtimeMs - recordedMtimeMs(entry)) < MTIME_TOLERANCE_MS;
}

/** git keeps seconds in 32 bits; some file systems keep no fractions. */
function recordedMtimeMs({ mtimeSeconds, mtimeNanoseconds }: IndexEntry): number {
  return mtimeSeconds * 1000 + mtimeNanoseconds / 1e6;
}

/** A directory of the tree while its entries are being read: git's order keeps them together. */
interface OpenDirectory {
  /** `` or `a/b/`. */
  readonly path: BytePath;
  readonly names: Set<BytePath>;
}

const GIT_FILE = pathOfText('.git');

/** Finds names in directories of the tree that no entry of the index accounts for. */
export class UntrackedFinder {
  readonly #root: BytePath;
  readonly #open: OpenDirectory[];
  readonly found: BytePath[] = [];

  constructor(root: BytePath) {
    this.#root = root;
    this.#open = [{ path: HERE, names: new Set([GIT_FILE]) }];
  }

  /** Takes the next path in git's order; looks into the directories that it leaves. */
  expect(path: BytePath): void {
    while (!path.startsWith(this.#current().path)) this.#close();
    for (let directory = this.#current(); ; directory = this.#current()) {
      const slash = path.indexOf('/', directory.path.length);
      directory.names.add(path.slice(directory.path.length, slash < 0 ? path.length : slash));
      if (slash < 0) return;
      this.#open.push({ path: path.slice(0, slash + 1), names: new Set() });
    }
  }

  finish(): void {
    while (this.#open.length > 0) this.#close();
  }

  #current(): OpenDirectory {
    return this.#open.at(-1) ?? { path: HERE, names: new Set() };
  }

  #close(): void {
    const directory = this.#open.pop();
    if (!directory || this.found.length >= MOST_NAMED) return;
    for (const name of namesIn(joinPath(this.#root, directory.path))) {
      if (!directory.names.has(name)) this.found.push(continuePath(directory.path, name));
    }
  }
}

function namesIn(path: BytePath): BytePath[] {
  try {
    return listNames(path);
  } catch {
    return [];
  }
}

/** The index of `worktree`, as git last wrote it; the file is closed when the reading ends, early or not. */
export function* readWorktreeIndex(worktree: Worktree, path = join(worktree.adminDir, 'index')): Generator<IndexEntry> {
  const file = openSync(path, 'r');
  try {
    yield* readIndex(
      (target, at) => readSync(file, target, at, target.length - at, null),
      worktree.oid.length === 64 ? 32 : 20,
    );
  } finally {
    closeSync(file);
  }
}

/**
 * Looks for an entry in the index of `worktree`, by what it says besides the path.
 * @throws SidecarError ERR_CHECKOUT_FAILED, the system's error
 */
export function someEntry(worktree: Worktree, isIt: (facts: EntryFacts) => boolean): boolean {
  const file = openSync(join(worktree.adminDir, 'index'), 'r');
  let found = false;
  try {
    lookThroughIndex(
      (target, at) => readSync(file, target, at, target.length - at, null),
      worktree.oid.length === 64 ? 32 : 20,
      (facts) => {
        found = isIt(facts);
        return found;
      },
    );
    return found;
  } finally {
    closeSync(file);
  }
}

/**
 * Compares the files of a worktree with what git recorded when it wrote them, as `git status` would, but without
 * starting a process and without reading a file. A changed time alone is reported as a change here; git decides later.
 * It looks synchronously, which takes a third of the time, gives way to other work after each batch, and holds no list
 * of the files.
 */
export async function compareTree(worktree: Worktree, signal: AbortSignal): Promise<TreeReport> {
  const changed: BytePath[] = [];
  const root = pathOfText(worktree.path);
  const untracked = new UntrackedFinder(root);
  let entries = 0;
  for (const entry of readWorktreeIndex(worktree)) {
    entries += 1;
    untracked.expect(entry.path);
    if (!entry.skipWorktree && changed.length < MOST_NAMED && !looksUntouched(root, entry)) changed.push(entry.path);
    if (entries % BATCH !== 0) continue;
    await setImmediate();
    if (signal.aborted) break;
  }
  if (!signal.aborted) untracked.finish();
  return { changed, untracked: untracked.found.slice(0, MOST_NAMED), entries };
}

/** How many entries the index of `worktree` has, from its header (git, index-format); 0 when it cannot be read. */
export async function countEntries({ adminDir }: Worktree): Promise<number> {
  const file = await open(join(adminDir, 'index')).catch(() => undefined);
  if (!file) return 0;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(12), 0, 12, 0);
    return bytesRead === 12 ? buffer.readUInt32BE(8) : 0;
  } finally {
    await file.close();
  }
}
