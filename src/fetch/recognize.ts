import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { oidOfWorktreeName } from './layout.ts';

/**
 * Whose repository `.git` is: `none` nothing there; `ours` ours or git-sync's; `broken` no repository (any more);
 * `foreign` another program's history, never to be touched.
 */
export type Ownership = 'none' | 'ours' | 'broken' | 'foreign';

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** What git itself wants to see in a repository (gitrepository-layout). */
async function looksLikeRepository(gitDir: string): Promise<boolean> {
  const [head, objects, refs] = await Promise.all(
    ['HEAD', 'objects', 'refs'].map((name) => exists(join(gitDir, name))),
  );
  return Boolean(head && objects && refs);
}

/** An object or a ref is in there: something that could be lost. */
async function holdsHistory(gitDir: string): Promise<boolean> {
  const objects = await readdir(join(gitDir, 'objects')).catch(() => [] as string[]);
  if (objects.some((name) => /^[0-9a-f]{2}$/.test(name))) return true;
  const packs = await readdir(join(gitDir, 'objects', 'pack')).catch(() => [] as string[]);
  return packs.some((name) => name.endsWith('.pack'));
}

/** v3 clones with `--no-checkout`: a remote, worktrees named after commits, and never an index. */
async function isGitSyncV3(gitDir: string): Promise<boolean> {
  const worktrees = await readdir(join(gitDir, 'worktrees')).catch(() => [] as string[]);
  if (worktrees.some((name) => oidOfWorktreeName(name) !== undefined)) return true;
  const config = await readFile(join(gitDir, 'config'), 'utf8').catch(() => '');
  return !(await exists(join(gitDir, 'index'))) && /\[remote "origin"\]/.test(config);
}

/**
 * `.git` is a symlink, or the file of a linked worktree or submodule, and what it names is there: the root is a
 * checkout of the user's.
 */
async function pointsSomewhere(gitDir: string): Promise<boolean> {
  const directory = await stat(gitDir).catch(() => undefined);
  if (directory?.isDirectory()) return true;
  const text = await readFile(gitDir, 'utf8').catch(() => '');
  const target = /^gitdir: (.+?)\r?\n?$/.exec(text)?.[1];
  return target !== undefined && (await exists(resolve(dirname(gitDir), target)));
}

/** Recognises our own repository by our files, v4's by its branch, v3's by its worktrees. */
export async function recognizeRepository(gitDir: string): Promise<Ownership> {
  const entry = await lstat(gitDir).catch(() => undefined);
  if (!entry) return 'none';
  if (!entry.isDirectory()) return (await pointsSomewhere(gitDir)) ? 'foreign' : 'broken';
  if (await exists(join(gitDir, 'git-sidecar'))) return (await looksLikeRepository(gitDir)) ? 'ours' : 'broken';
  if (!(await looksLikeRepository(gitDir))) return (await holdsHistory(gitDir)) ? 'foreign' : 'broken';
  const head = await readFile(join(gitDir, 'HEAD'), 'utf8').catch(() => '');
  if (head.trim() === 'ref: refs/heads/git-sync') return 'ours';
  if (await isGitSyncV3(gitDir)) return 'ours';
  return (await holdsHistory(gitDir)) ? 'foreign' : 'broken';
}
