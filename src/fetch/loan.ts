import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Oid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import type { Below } from '../platform/below.ts';
import { writeBelow } from '../platform/files-below.ts';
import { readShallow, writeShallow } from './shallow.ts';

/** A shared store, as the repository of a unit sees it. */
export interface Loan {
  /** Of the bare repository that holds the objects. */
  readonly gitDir: string;
  /** See `StoreRepository`. */
  readonly identity: string | undefined;
  /** 1, or 0: all of history. */
  readonly depth: number;
  /** Objects that should be there may be missing. */
  suspect(): void;
}

/** The path as git reads it in `alternates` (gitrepository-layout): one a line, in quotes where it begins with one. */
function alternatesText({ gitDir }: Loan): string {
  return `${join(gitDir, 'objects')}\n`;
}

/**
 * Lets a repository borrow the objects of the store, and of nobody else.
 * @returns what stood in the place of our own list; undefined when that was there, or nothing
 */
export async function borrowObjects(repository: Below, loan: Loan): Promise<string | undefined> {
  const gitDir = `${repository.path}`;
  const file = join(gitDir, 'objects', 'info', 'alternates');
  const wanted = alternatesText(loan);
  const found = await readText(file);
  if (found === wanted || !(await lstat(join(gitDir, 'objects')).catch(() => undefined))) return undefined;
  await writeBelow({ root: repository.root, path: file }, wanted);
  return found;
}

/** Notes which of the commits that a unit's repository needs have no parents in the store. */
export async function borrowShallow(repository: Below, loan: Loan, needed: ReadonlySet<Oid>): Promise<void> {
  const gitDir = `${repository.path}`;
  const [own, shared] = [await readShallow(gitDir), await readShallow(loan.gitDir)];
  const wanted = new Set(loan.depth === 0 ? shared : [...needed].filter((oid) => shared.has(oid)));
  const isSame = own.size === wanted.size && [...own].every((oid) => wanted.has(oid));
  if (!isSame) await writeShallow(gitDir, wanted);
}
