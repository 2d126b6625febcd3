import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { type Oid, parseOid } from '../model/oid.ts';

/** A repository to look into. */
export interface LookedInto {
  readonly git: Git;
  readonly gitDir: string;
}

async function isLoose(gitDir: string, oid: Oid): Promise<boolean> {
  const path = join(gitDir, 'objects', oid.slice(0, 2), oid.slice(2));
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Those of `commits` that the repository has. Starts git at most once, and not at all for loose objects. */
export async function presentCommits(
  { git, gitDir }: LookedInto,
  commits: readonly Oid[],
  signal: AbortSignal,
): Promise<Set<Oid>> {
  const loose = await Promise.all(commits.map(async (oid) => await isLoose(gitDir, oid)));
  const [found, others] = [true, false].map((wanted) => commits.filter((_oid, index) => loose[index] === wanted));
  const present = new Set(found);
  if (!others || others.length === 0) return present;
  const { stdout } = await git.run(['--git-dir', gitDir, 'cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    op: 'look up commits in',
    target: gitDir,
    stdin: others.map((oid) => `${oid}\n`).join(''),
    signal,
  });
  for (const line of stdout.split('\n')) {
    const oid = line.endsWith(' commit') ? parseOid(line.slice(0, -' commit'.length)) : undefined;
    if (oid) present.add(oid);
  }
  return present;
}
