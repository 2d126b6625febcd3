import { readdirSync, readFileSync } from 'node:fs';
import { systemCode } from '../model/error.ts';
import { type Below, openBelow } from '../platform/below.ts';
import type { HeldDirectory } from '../platform/held-directory.ts';
import { mountPointsBelow } from '../platform/mount-table.ts';
import { isInside } from '../platform/paths.ts';

/** Something in a repository through which git would write to, or delete, what lies elsewhere. */
export interface Diversion {
  readonly path: string;
  readonly what: 'a symbolic link' | 'a mount point' | 'a pointer to another repository';
}

/** No ref is nested deeper. */
const DEEPEST = 64;

/** Of the many directories in an object store, those with other files than objects, which git never follows. */
const IN_STORE = ['pack', 'info'];

function namesAnother(directory: HeldDirectory): boolean {
  return readFileSync(directory.at('commondir'), 'utf8').trim() !== '../..';
}

function lookInto(
  directory: HeldDirectory,
  isStore: boolean,
  skip: string | undefined,
  depth: number,
): Diversion | undefined {
  const entries = readdirSync(directory.itself, { withFileTypes: true, encoding: 'buffer' });
  const isRepository = entries.some((entry) => entry.name.toString() === 'HEAD');
  for (const entry of entries) {
    const name = entry.name.toString();
    const path = `${directory.path}/${name}`;
    if (entry.isSymbolicLink()) return { path, what: 'a symbolic link' };
    if (!entry.isDirectory()) {
      if (name === 'commondir' && namesAnother(directory)) return { path, what: 'a pointer to another repository' };
      continue;
    }
    if (path === skip || depth === DEEPEST || (isStore && !IN_STORE.includes(name))) continue;
    const child = directory.child(entry.name);
    try {
      const found = lookInto(child, isRepository && name === 'objects', skip, depth + 1);
      if (found) return found;
    } finally {
      child.close();
    }
  }
  return undefined;
}

/**
 * Looks for whatever would lead git out of a repository. git follows symlinks in most places (a lock file is made where
 * a linked file really is) and does not look at mounts. git itself never makes such links.
 *
 * @param skip a directory in it that holds files of a commit, which may well be links
 * @returns the first that is found; undefined when there is none, or when there is no repository
 * @throws SidecarError ERR_PATH_REDIRECTED when the repository itself, or a directory above it, leads elsewhere
 */
export function findDiversion(gitDir: Below, skip?: string): Diversion | undefined {
  let directory: HeldDirectory;
  try {
    directory = openBelow(gitDir);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const mount = mountPointsBelow(directory.path).find((path) => skip === undefined || !isInside(path, skip));
    if (mount !== undefined) return { path: mount, what: 'a mount point' };
    return lookInto(directory, false, skip, 0);
  } catch (error) {
    // An entry that vanishes while we look belongs to another process. What we may not read, git may not read either:
    // git will say so.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  } finally {
    directory.close();
  }
}
