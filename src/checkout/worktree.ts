import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Oid, parseOid } from '../model/oid.ts';
import { createDirectoryBelow, makeDirectoryBelow, removeFileBelow, writeBelow } from '../platform/files-below.ts';
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
  await clearRecord(worktree);
  await makeWay({ root, path });
  await createIn({ root, path: adminDir });
  // Before the directory, which it proves to be ours.
  await writeRecord(worktree, worktree.oid);
  await createIn({ root, path });
  await writeGitFile(worktree);
}

async function createIn({ root, path }: { readonly root: string; readonly path: string }): Promise<void> {
  await makeDirectoryBelow({ root, path: dirname(path) });
  await createDirectoryBelow({ root, path });
}

/** Permissions of a file that git makes. */
const AS_GIT = { mode: 0o666 };

/**
 * The repository's record of a worktree; `head` is the commit that it holds now. `gitdir` comes last: git takes no
 * notice of a record without it, and regards one that lacks anything else as damage of the repository.
 */
export async function writeRecord({ root, path, adminDir }: Worktree, head: Oid): Promise<void> {
  await Promise.all([
    writeBelow({ root, path: join(adminDir, 'commondir') }, '../..\n', AS_GIT),
    writeBelow({ root, path: join(adminDir, 'HEAD') }, `${head}\n`, AS_GIT),
  ]);
  await writeBelow({ root, path: join(adminDir, 'gitdir') }, `${join(path, '.git')}\n`, AS_GIT);
}

/** The file that leads from a worktree to the record of it. */
export async function writeGitFile({ root, path, adminDir }: Worktree): Promise<void> {
  await writeBelow({ root, path: join(path, '.git') }, `gitdir: ${relative(path, adminDir)}\n`, AS_GIT);
}

/** Takes back what {@link writeRecord} says first: from then on git takes no notice of it, however much is left. */
async function withdrawRecord({ root, adminDir }: Pick<Worktree, 'root' | 'adminDir'>): Promise<void> {
  await removeFileBelow({ root, path: join(adminDir, 'gitdir') });
}

/**
 * Makes the place of a record free.
 * @throws SidecarError ERR_PATH_KEPT, ERR_PATH_REDIRECTED
 */
export async function clearRecord({ root, adminDir }: Pick<Worktree, 'root' | 'adminDir'>): Promise<void> {
  await withdrawRecord({ root, adminDir });
  await makeWay({ root, path: adminDir });
}

/**
 * The repository's record says that it is about this place. Two places of a commit can share a record's name (v3's and
 * v4's), so the name proves nothing; the path is compared from the root on, since the volume may be mounted elsewhere now.
 */
async function isRecorded({ root, path, adminDir }: Worktree): Promise<boolean> {
  return (await recordedPlace(adminDir)) === relative(root, path);
}

/** The place of a worktree, from the root on, that a record is about; undefined where it names none. */
export async function recordedPlace(adminDir: string): Promise<string | undefined> {
  const recorded = await readFile(join(adminDir, 'gitdir'), 'utf8').catch(() => '');
  return /((?:\.worktrees\/(?:rebuilt\/)?)?[^/]+)\/\.git\s*$/.exec(recorded)?.[1];
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
  if (kept.length > 0 || !recorded) return kept;
  await withdrawRecord(worktree);
  return await removeTree({ root, path: adminDir }, options);
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
