import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeFileBelow } from '../platform/files-below.ts';
import { makeWay } from '../platform/make-way.ts';
import { oidOfWorktreeName } from './layout.ts';

/** What git reads of a record of a worktree (gitrepository-layout); each of them has a line. */
const FILES = ['commondir', 'HEAD', 'gitdir'];

async function isTorn(path: string): Promise<boolean> {
  const text = await readFile(path, 'latin1').catch(() => undefined);
  return text !== undefined && (text.trim() === '' || text.includes('\0'));
}

/**
 * Removes refs that a power cut has emptied: git regards them as damage of the repository, and what they named is fetched
 * again or is known from the state.
 * @returns the refs that were removed
 */
export async function removeTornRefs(gitDir: string): Promise<readonly string[]> {
  const root = dirname(gitDir);
  const removed: string[] = [];
  const look = async (directory: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await look(path);
      else if (entry.isFile() && (await isTorn(path))) {
        await removeFileBelow({ root, path });
        removed.push(path);
      }
    }
  };
  await look(join(gitDir, 'refs'));
  return removed;
}

/**
 * Removes records of worktrees that a power cut has emptied: their names were on the disk, and their lines were not. git
 * regards them as damage of the repository. Only records that are named as ours are.
 * @returns the records that were removed
 */
export async function removeTornRecords(gitDir: string): Promise<readonly string[]> {
  const root = dirname(gitDir);
  const removed: string[] = [];
  for (const name of await readdir(join(gitDir, 'worktrees'), 'latin1').catch(() => [] as string[])) {
    if (oidOfWorktreeName(name.replace(/\.rebuilt$/, '')) === undefined) continue;
    const record = join(gitDir, 'worktrees', name);
    const torn = await Promise.all(FILES.map(async (file) => await isTorn(join(record, file))));
    if (!torn.includes(true)) continue;
    await removeFileBelow({ root, path: join(record, 'gitdir') });
    await makeWay({ root, path: record });
    removed.push(record);
  }
  return removed;
}
