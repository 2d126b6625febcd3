import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Git } from '../git/git.ts';
import { readText } from '../platform/atomic-file.ts';
import { removeFileBelow, writeBelow } from '../platform/files-below.ts';

export interface RepackOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly signal: AbortSignal;
}

/** Objects were left out that a server promised to give (git, "partial clone"). */
export async function isPartial(gitDir: string): Promise<boolean> {
  return /^\s*promisor\s*=\s*true/im.test((await readText(join(gitDir, 'config'))) ?? '');
}

/** A missing object is no damage here, and is not fetched (git-rev-list and git-pack-objects, "--missing"). */
export const MISSING_ALLOWED = '--missing=allow-any';

/** All that belongs to a pack (git, pack-format); the index first: without it, the rest is no pack any more. */
const KINDS = ['idx', 'rev', 'bitmap', 'pack', 'promisor'];

async function packsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => [] as string[]);
  const kept = new Set(names.filter((name) => name.endsWith('.keep')).map((name) => name.slice(0, -5)));
  const packs = names.flatMap((name) => /^(pack-[0-9a-f]+)\.\w+$/.exec(name)?.[1] ?? []);
  return [...new Set(packs)].filter((name) => !kept.has(name));
}

/**
 * Repacks a partial clone with what refs and worktrees need, as far as it is here, and removes everything else. `git gc`
 * keeps each object that came from the promisor for ever, so a repository that follows a branch would only grow.
 */
export async function repackPartial({ git, gitDir, signal }: RepackOptions): Promise<void> {
  const root = dirname(gitDir);
  const directory = join(gitDir, 'objects', 'pack');
  const run = { op: 'collect garbage in', target: gitDir, signal };
  const command = (...args: string[]): string[] => ['--git-dir', gitDir, ...args];
  // Packs that come while this is at work, because a hook runs git, are not looked at.
  const former = await packsIn(directory);
  const pack = command('pack-objects', '--quiet', '--all', MISSING_ALLOWED, join(directory, 'pack'));
  const { stdout } = await git.run(pack, { ...run, stdin: '' });
  if (stdout.trim() === '') return;
  const name = `pack-${stdout.trim()}`;
  await writeBelow({ root, path: join(directory, `${name}.promisor`) }, '');
  for (const other of former.filter((each) => each !== name))
    for (const kind of KINDS) await removeFileBelow({ root, path: join(directory, `${other}.${kind}`) });
  await git.run(command('prune-packed', '--quiet'), run);
  await git.run(command('prune', '--expire=now', '--exclude-promisor-objects'), run);
}
