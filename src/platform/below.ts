import { mkdirSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { SidecarError, systemCode } from '../model/error.ts';
import { HeldDirectory, type Name } from './held-directory.ts';

/** Something at or below a directory that the caller trusts. Both absolute; no link below `root` is ever followed. */
export interface Below {
  readonly root: string;
  /** Bytes where it is not UTF-8. */
  readonly path: Name;
}

export interface WalkOptions {
  /** Makes directories that are missing, with these permissions before the umask. */
  readonly make?: number;
  /** `pass` only for places that the user named: below a mount point there may be files of another owner. */
  readonly mounts?: 'refuse' | 'pass';
}

const SLASH = 0x2f;

function splitBytes(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start <= path.length; ) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) parts.push(path.subarray(start, end));
    start = end + 1;
  }
  return parts;
}

function isDots(part: Buffer): boolean {
  return part.equals(Buffer.from('.')) || part.equals(Buffer.from('..'));
}

/** The names that lead from `root` to `path`. @throws Error when `path` is not at or below `root` */
function namesBetween({ root, path }: Below): Buffer[] {
  const outside = (): Error => new Error(`${path} is not below ${root}`);
  if (typeof path === 'string') {
    const inner = relative(root, path);
    if (inner === '..' || inner.startsWith('../') || isAbsolute(inner)) throw outside();
    return splitBytes(Buffer.from(inner));
  }
  const start = Buffer.from(root.endsWith('/') ? root : `${root}/`);
  const parts = splitBytes(path.subarray(start.length));
  if (!path.subarray(0, start.length).equals(start) || parts.some(isDots)) throw outside();
  return parts;
}

/** @throws SidecarError ERR_PATH_REDIRECTED about a directory that leads elsewhere */
function redirected(path: string, what: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_PATH_REDIRECTED', { op: 'use', target: path, detail: `it is ${what}`, cause });
}

function makeIfMissing(directory: HeldDirectory, name: Name, mode: number): void {
  try {
    mkdirSync(directory.at(name), { mode });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw directory.explain(error);
  }
}

function step(directory: HeldDirectory, name: Buffer, { make, mounts = 'refuse' }: WalkOptions): HeldDirectory {
  if (make !== undefined) makeIfMissing(directory, name, make);
  const path = `${directory.path}/${name}`;
  let next: HeldDirectory;
  try {
    next = directory.child(name);
  } catch (error) {
    if (systemCode(error) !== 'ENOTDIR' && systemCode(error) !== 'ELOOP') throw directory.explain(error);
    throw redirected(path, 'no directory, or a symbolic link to one', directory.explain(error));
  }
  if (mounts === 'pass' || next.mount === directory.mount) return next;
  next.close();
  throw redirected(path, 'a mount point');
}

function walk(root: string, names: readonly Buffer[], options: WalkOptions): HeldDirectory {
  let directory = HeldDirectory.open(root);
  for (const name of names) {
    const above = directory;
    try {
      directory = step(above, name, options);
    } finally {
      above.close();
    }
  }
  return directory;
}

/**
 * Opens the directory at `path`, one name after the other.
 * @returns the directory; the caller closes it
 * @throws SidecarError ERR_PATH_REDIRECTED when a symlink or a mount point is on the way; the system's ENOENT
 */
export function openBelow(place: Below, options: WalkOptions = {}): HeldDirectory {
  return walk(place.root, namesBetween(place), options);
}

/** Does something with the directory at `path` and closes it. @throws as {@link openBelow}, and what `use` throws */
export async function inDirectory<T>(
  place: Below,
  use: (directory: HeldDirectory) => T | Promise<T>,
  options: WalkOptions = {},
): Promise<T> {
  const directory = openBelow(place, options);
  try {
    return await use(directory);
  } catch (error) {
    throw directory.explain(error);
  } finally {
    directory.close();
  }
}

/**
 * Does something with the entry at `path`, which need not be there: `use` gets the directory that holds it and its name.
 * @throws as {@link openBelow}, and what `use` throws
 */
export async function inParent<T>(
  place: Below,
  use: (parent: HeldDirectory, name: Buffer) => T | Promise<T>,
  options: WalkOptions = {},
): Promise<T> {
  const names = namesBetween(place);
  const name = names.pop();
  if (!name) throw new Error(`${place.path} is not below ${place.root}`);
  const parent = walk(place.root, names, options);
  try {
    return await use(parent, name);
  } catch (error) {
    throw parent.explain(error);
  } finally {
    parent.close();
  }
}
