import { type BigIntStats, type Dirent, lstatSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { GITLINK_MODE, type IndexEntry, readIndex } from './index-file.ts';
import type { Worktree } from './worktree.ts';

export interface TreeReport {
  /** Tracked files that are gone or do not look as git left them. */
  readonly changed: readonly string[];
  /** Files and directories that no commit put there. */
  readonly untracked: readonly string[];
  readonly entries: number;
}

/** Most paths that are looked at before giving way to other work. */
const BATCH = 500;
/** Most paths named in a report; the rest of the tree is not looked at any further. */
const MOST_NAMED = 100;

const SYMLINK_MODE = 0o120000;

function statOrNothing(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function looksUntouched(root: string, entry: IndexEntry): boolean {
  const stat = statOrNothing(`${root}/${entry.path}`);
  if (!stat) return false;
  if (entry.mode === GITLINK_MODE) return stat.isDirectory();
  if (entry.mode === SYMLINK_MODE ? !stat.isSymbolicLink() : !stat.isFile()) return false;
  if (entry.mode !== SYMLINK_MODE && ((Number(stat.mode) & 0o100) !== 0) !== ((entry.mode & 0o100) !== 0)) return false;
  const seconds = Number(stat.mtimeNs / 1_000_000_000n) >>> 0;
  const nanoseconds = Number(stat.mtimeNs % 1_000_000_000n);
  return (
    Number(stat.size) >>> 0 === entry.size &&
    seconds === entry.mtimeSeconds &&
    (entry.mtimeNanoseconds === 0 || nanoseconds === entry.mtimeNanoseconds)
  );
}

/** Looks synchronously, which takes a third of the time, and gives way to other work after each batch. */
async function findChanged(root: string, entries: readonly IndexEntry[], signal: AbortSignal): Promise<string[]> {
  const changed: string[] = [];
  for (let at = 0; at < entries.length && changed.length < MOST_NAMED && !signal.aborted; at += BATCH) {
    for (const entry of entries.slice(at, at + BATCH)) {
      if (!entry.skipWorktree && !looksUntouched(root, entry)) changed.push(entry.path);
    }
    await setImmediate();
  }
  return changed.slice(0, MOST_NAMED);
}

/** Every directory that holds a tracked file, and the names that may be in it. */
function expectedNames(entries: readonly IndexEntry[]): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>([['', new Set(['.git'])]]);
  for (const { path } of entries) {
    let child = path;
    for (;;) {
      const slash = child.lastIndexOf('/');
      const directory = slash < 0 ? '' : child.slice(0, slash);
      const siblings = names.get(directory);
      const name = child.slice(slash + 1);
      if (siblings?.has(name)) break;
      if (siblings) siblings.add(name);
      else names.set(directory, new Set([name]));
      if (directory === '') break;
      child = directory;
    }
  }
  return names;
}

async function findUntracked(root: string, entries: readonly IndexEntry[], signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for (const [directory, names] of expectedNames(entries)) {
    if (found.length >= MOST_NAMED || signal.aborted) break;
    const present = await readdir(join(root, directory), { withFileTypes: true }).catch(() => [] as Dirent[]);
    for (const { name } of present) {
      if (!names.has(name)) found.push(directory === '' ? name : `${directory}/${name}`);
    }
  }
  return found.slice(0, MOST_NAMED);
}

/** The index of `worktree`, as git last wrote it. */
export async function readWorktreeIndex(worktree: Worktree): Promise<IndexEntry[]> {
  const bytes = await readFile(join(worktree.adminDir, 'index'));
  return readIndex(bytes, worktree.oid.length === 64 ? 32 : 20);
}

/**
 * Compares the files of a worktree with what git recorded when it wrote them, as `git status` would, but without
 * starting a process and without reading a file. A changed time alone counts as changed here: git has the last word.
 */
export async function compareTree(worktree: Worktree, signal: AbortSignal): Promise<TreeReport> {
  const entries = await readWorktreeIndex(worktree);
  return {
    changed: await findChanged(worktree.path, entries, signal),
    untracked: await findUntracked(worktree.path, entries, signal),
    entries: entries.length,
  };
}
