import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SidecarError, systemCode } from '../model/error.ts';
import { makeDirectory } from './make-directory.ts';

/** The file that says: git-sidecar made what is in this directory, and may remove it. */
const MARK = '.made-by-git-sidecar';

/** What file systems put into a directory by themselves. */
const OF_THE_FILE_SYSTEM = ['lost+found', '.snapshot'];

/** Names that an error lists; a directory can hold thousands. */
const MOST_NAMED = 5;

/** A directory that a command fills, and in which it removes what it no longer needs. */
export interface OwnedDirectory {
  readonly path: string;
  /** Its purpose, in one or a few words. A directory that is marked for something else is refused. */
  readonly purpose: string;
  readonly mode?: number;
  /** What an earlier edition, which left no mark, put there. It says which of the names in the directory are not its own. */
  readonly foreignTo: (names: readonly string[]) => Promise<readonly string[]>;
}

function textOf(purpose: string): string {
  return `${purpose}\nThis directory belongs to git-sidecar, which removes from it what it no longer needs.\n`;
}

/** @returns the purpose; undefined when there is no mark. A link is no mark: it may lead to the mark of another directory. */
async function readMark(path: string): Promise<string | undefined> {
  try {
    const file = await open(join(path, MARK), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return undefined;
      return (await file.readFile('utf8')).split('\n')[0];
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Writes over a mark that a power cut left empty; two processes of one purpose write the same bytes. It is on the disk
 * when this resolves: without it, what else is in the directory would look foreign.
 */
async function writeMark(path: string, purpose: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(path, MARK), flags, 0o644);
  try {
    await file.writeFile(textOf(purpose));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What makes it impossible to use a directory that is not there for us. */
export function foreignDirectory(path: string, purpose: string, detail: string): SidecarError {
  return new SidecarError('ERR_DIRECTORY_FOREIGN', { op: `use for ${purpose}`, target: path, detail });
}

/** At most a few of `names`, for people. */
export function nameSome(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const some = [...names].sort().slice(0, MOST_NAMED).join(', ');
  return more > 0 ? `${some} and ${more} more` : some;
}

/**
 * Takes possession of a directory: it is made when it is missing, and marked when it is empty or was filled by an
 * earlier edition. From then on all that is in it is ours to remove.
 *
 * @throws SidecarError ERR_DIRECTORY_FOREIGN when something else is in it; system errors as they come
 */
export async function claimDirectory({ path, purpose, mode = 0o777, foreignTo }: OwnedDirectory): Promise<void> {
  await makeDirectory(path, mode);
  const mark = await readMark(path);
  if (mark === purpose) return;
  if (mark) throw foreignDirectory(path, purpose, `git-sidecar uses it already, for ${mark}`);
  const names = (await readdir(path)).filter((name) => name !== MARK && !OF_THE_FILE_SYSTEM.includes(name));
  const foreign = names.length === 0 ? [] : await foreignTo(names);
  if (foreign.length > 0)
    throw foreignDirectory(path, purpose, `it holds what git-sidecar did not make: ${nameSome(foreign)}`);
  await writeMark(path, purpose);
}
