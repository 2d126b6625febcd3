import { dirname, join } from 'node:path';
import { type Oid, parseOid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import { writeBelow } from '../platform/files-below.ts';

/** Commits whose parents the repository does not have (gitrepository-layout, "shallow"). */
export async function readShallow(gitDir: string): Promise<Set<Oid>> {
  const text = (await readText(join(gitDir, 'shallow'))) ?? '';
  return new Set(text.split('\n').flatMap((line) => parseOid(line.trim()) ?? []));
}

export async function writeShallow(gitDir: string, commits: ReadonlySet<Oid>): Promise<void> {
  const place = { root: dirname(gitDir), path: join(gitDir, 'shallow') };
  await writeBelow(place, [...commits].map((oid) => `${oid}\n`).join(''));
}
