import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Oid, parseOid } from '../model/oid.ts';
import { createDirectoryBelow, makeDirectoryBelow, writeBelow } from '../platform/files-below.ts';
import { makeWay } from '../platform/make-way.ts';
import { removeTree } from '../platform/remove-tree.ts';
import type { Kept } from '../platform/tree-removal.ts';
import { withdrawFinished } from './record.ts';

/** A linked worktree (gitrepository-layout, "worktrees/<id>"): its files, and the repository's record of it. */
export interface Worktree {
  /** Nothing is written or removed outside of this directory. */
  readonly root: string;
  readonly path: string;
  readonly oid: Oid;
  /** `<gitDir>/worktrees/<id>`. */
  readonly adminDir: string;
}

/** Where the repository records the worktree at `path`; one id for each place that a commit may have. */
export function worktreeAt(gitDir: string, path: string, oid: Oid): Worktree {
  const suffix = basename(dirname(path)) === 'rebuilt' ? '.rebuilt' : '';
  return { root: dirname(gitDir), path, oid, adminDir: join(gitDir, 'worktrees', `${basename(path)}${suffix}`) };
}

/**
 * Registers an empty worktree, as `git worktree add --no-checkout --detach` does, but with a relative `.git` file, so
 * that it works under another mount point (compat.md 2). Whatever was at its place is removed: a name that is a
 * commit, below a directory that is ours.
 */
export async function registerWorktree(worktree: Worktree): Promise<void> {
  const { root, path, adminDir } = worktree;
  await makeWay({ root, path: adminDir });
  await makeWay({ root, path });
  for (const place of [path, adminDir]) {
    await makeDirectoryBelow({ root, path: dirname(place) });
    await createDirectoryBelow({ root, path: place });
  }
  await writeAdminFiles(worktree, worktree.oid);
}

/** Permissions of a file that git makes. */
const AS_GIT = { mode: 0o666 };

/** The files that tie a worktree and the repository together; `head` is the commit that it holds now. */
export async function writeAdminFiles(worktree: Worktree, head: Oid): Promise<void> {
  const { root, path, adminDir } = worktree;
  await Promise.all([
    writeBelow({ root, path: join(adminDir, 'commondir') }, '../..\n', AS_GIT),
    writeBelow({ root, path: join(adminDir, 'gitdir') }, `${join(path, '.git')}\n`, AS_GIT),
    writeBelow({ root, path: join(adminDir, 'HEAD') }, `${head}\n`, AS_GIT),
    writeBelow({ root, path: join(path, '.git') }, gitFileText(worktree), AS_GIT),
  ]);
}

function gitFileText(worktree: Worktree): string {
  return `gitdir: ${relative(worktree.path, worktree.adminDir)}\n`;
}

/**
 * The repository's record says that it is about this place. Two places of a commit can share a record's name (v3's and
 * v4's), so the name proves nothing; the path is compared from the root on, since the volume may be mounted elsewhere now.
 */
async function isRecorded({ root, path, adminDir }: Worktree): Promise<boolean> {
  const recorded = await readFile(join(adminDir, 'gitdir'), 'utf8').catch(() => '');
  const fromRoot = /((?:\.worktrees\/(?:rebuilt\/)?)?[^/]+)\/\.git\s*$/.exec(recorded)?.[1];
  return fromRoot === relative(root, path);
}

/** The `.git` file at the worktree's place leads into our repository. */
async function pointsToUs({ path, adminDir }: Worktree): Promise<boolean> {
  const text = await readFile(join(path, '.git'), 'utf8').catch(() => '');
  const pointer = /^gitdir: (.+?)\r?\n?$/.exec(text)?.[1];
  return pointer !== undefined && dirname(resolve(path, pointer)) === dirname(adminDir);
}

/** Proof that we, or git-sync, made the directory at the worktree's place. */
export async function isOurWorktree(worktree: Worktree): Promise<boolean> {
  return (await isRecorded(worktree)) || (await pointsToUs(worktree));
}

/**
 * Removes the files of a worktree, then its record, if that is its own. A symlink at its place is removed, not followed.
 * As long as something of it has to stay, so does the record, by which it is recognised later.
 * @returns what is kept
 */
export async function unregisterWorktree(worktree: Worktree, signal?: AbortSignal): Promise<readonly Kept[]> {
  const recorded = await isRecorded(worktree);
  if (recorded) await withdrawFinished(worktree);
  const { root, path, adminDir } = worktree;
  const options = signal ? { signal } : {};
  const kept = await removeTree({ root, path }, options);
  return kept.length > 0 || !recorded ? kept : await removeTree({ root, path: adminDir }, options);
}

/**
 * The worktree that lives at `path`, as its `.git` file and the repository's record say; undefined when they do not fit
 * together. Reads four small files, whatever the size of the tree.
 */
export async function findWorktree(gitDir: string, path: string, oid: Oid): Promise<Worktree | undefined> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat?.isDirectory()) return undefined;
  const text = await readFile(join(path, '.git'), 'utf8').catch(() => '');
  const pointer = /^gitdir: (.+?)\r?\n?$/.exec(text)?.[1];
  if (pointer === undefined) return undefined;
  const adminDir = resolve(path, pointer);
  if (dirname(adminDir) !== join(gitDir, 'worktrees')) return undefined;
  const head = await readFile(join(adminDir, 'HEAD'), 'utf8').catch(() => '');
  const hasIndex = await lstat(join(adminDir, 'index')).then(
    () => true,
    () => false,
  );
  return parseOid(head.trim()) === oid && hasIndex ? { root: dirname(gitDir), path, oid, adminDir } : undefined;
}
