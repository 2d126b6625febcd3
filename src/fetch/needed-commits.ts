import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Oid, parseOid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import { NOTIFIED_REFS } from './notified-commits.ts';

/** Commits that a repository of a sync cannot do without. Reads a handful of small files. */
export async function neededCommits(
  gitDir: string,
  localRef: string,
  published: Oid | undefined,
): Promise<readonly Oid[]> {
  const worktrees = join(gitDir, 'worktrees');
  const ids = await readdir(worktrees, 'latin1').catch(() => [] as string[]);
  const notified = await readdir(join(gitDir, NOTIFIED_REFS), 'latin1').catch(() => [] as string[]);
  const files = [
    join(gitDir, localRef),
    ...ids.map((id) => join(worktrees, id, 'HEAD')),
    ...notified.map((name) => join(gitDir, NOTIFIED_REFS, name)),
  ];
  const heads = await Promise.all(files.map(async (file) => parseOid(((await readText(file)) ?? '').trim())));
  return [...new Set([published, ...heads])].filter((oid) => oid !== undefined);
}
