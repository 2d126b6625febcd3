import { isOfKind, SidecarError, systemCode } from '../model/error.ts';
import { type Below, inParent } from './below.ts';
import { type Kept, keptFor, type RemoveOptions, TreeRemoval } from './tree-removal.ts';

function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT';
}

/**
 * Removes whatever is at `path`, and everything below it if it is a directory. Symlinks are removed, not followed, those
 * above `path` included. A mount point and whatever cannot be removed stay, with the directories that hold them; all
 * else goes. Names need not be UTF-8. One directory is listed at a time, and other work goes on meanwhile.
 *
 * @returns what is kept, the first few of it; empty when nothing is at `path` any more
 */
export async function removeTree(place: Below, options: RemoveOptions = {}): Promise<readonly Kept[]> {
  try {
    return await inParent(place, async (parent, name) => {
      const removal = new TreeRemoval(parent, options);
      await removal.remove(name);
      return removal.kept;
    });
  } catch (error) {
    if (isMissing(error)) return [];
    if (options.signal?.aborted) throw error;
    if (isOfKind(error, 'redirected')) return [{ path: error.target ?? `${place.path}`, reason: 'leads elsewhere' }];
    return [keptFor(`${place.path}`, error)];
  }
}

/** The first thing that is kept, for a message. */
export function describeKept([first, ...others]: readonly Kept[]): string {
  if (!first) return 'nothing is kept';
  const why = first.code === undefined ? first.reason : `${first.reason}, ${first.code}`;
  return `${first.path} is kept (${why})${others.length > 0 ? ', and more' : ''}`;
}

/**
 * Removes a tree that has to make way.
 * @throws SidecarError ERR_PATH_KEPT when not all of it could be removed
 */
export async function removeWholeTree(place: Below, options: RemoveOptions = {}): Promise<void> {
  const kept = await removeTree(place, options);
  if (kept.length === 0) return;
  throw new SidecarError('ERR_PATH_KEPT', { op: 'remove', target: `${place.path}`, detail: describeKept(kept) });
}
