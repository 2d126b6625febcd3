import { randomBytes } from 'node:crypto';
import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { type Below, inParent } from './below.ts';
import { makeDirectoryBelow, renameBelow } from './files-below.ts';
import { describeKept, removeTree } from './remove-tree.ts';
import type { Kept } from './tree-removal.ts';

/** Below the root: holds what cannot be removed and was in the way, until it can be. */
const DIRECTORY = '.git-sidecar';
const NAME = /^aside\.[0-9a-f]{16}$/;

/** The directory for what was in the way. */
export function asideDirectory(root: string): string {
  return join(root, DIRECTORY);
}

/** True for the names that {@link moveAside} gives. */
export function isAsideName(name: string): boolean {
  return NAME.test(name);
}

/** A symlink in the place of a directory of ours is removed; what it points at is not touched. @returns whether there was one */
export async function removeLink(place: Below): Promise<boolean> {
  try {
    return await inParent(place, async (parent, name) => {
      if (!lstatSync(parent.at(name)).isSymbolicLink()) return false;
      unlinkSync(parent.at(name));
      return true;
    });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Renames what is at `path` so that the place is free; mounts and protected files in it go along unharmed.
 * @returns where it is now; undefined when nothing was there
 * @throws SidecarError ERR_PATH_KEPT when it cannot be moved either: it is itself a mount point or protected
 */
export async function moveAside({ root, path }: Below): Promise<string | undefined> {
  const directory = asideDirectory(root);
  const aside = join(directory, `aside.${randomBytes(8).toString('hex')}`);
  try {
    await removeLink({ root, path: directory });
    await makeDirectoryBelow({ root, path: directory });
    await renameBelow(root, path, aside);
    return aside;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    const detail = systemCode(error) === 'EBUSY' ? 'it is a mount point, or in use' : messageOf(error);
    throw new SidecarError('ERR_PATH_KEPT', { op: 'make way at', target: `${path}`, detail, cause: error });
  }
}

/** Removes something that was moved aside, and the directory for such things when it was the last. */
export async function removeAside(root: string, aside: string): Promise<readonly Kept[]> {
  const kept = await removeTree({ root, path: aside });
  if (kept.length > 0) return kept;
  try {
    await inParent({ root, path: asideDirectory(root) }, (parent, name) => rmdirSync(parent.at(name)));
  } catch {
    // Other things are still in it.
  }
  return kept;
}

/**
 * Makes the place free: removes what is there, and moves aside what cannot be removed.
 * @throws SidecarError ERR_PATH_KEPT, ERR_PATH_REDIRECTED
 */
export async function makeWay(place: Below): Promise<void> {
  const kept = await removeTree(place);
  if (kept.length === 0) return;
  if (kept.some(({ reason }) => reason === 'leads elsewhere'))
    throw new SidecarError('ERR_PATH_REDIRECTED', {
      op: 'make way at',
      target: `${place.path}`,
      detail: describeKept(kept),
    });
  await moveAside(place);
}
