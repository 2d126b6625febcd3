import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { SidecarError, systemCode } from '../model/error.ts';
import { type Below, openBelow } from './below.ts';
import { makeDirectory } from './make-directory.ts';
import { isInside } from './paths.ts';

/** Users mount volumes where they want a file or the link to be: that is no reason to refuse. */
export const USER_WALK = { make: 0o777, mounts: 'pass' } as const;

/**
 * Where to write a file or a link that the user named by an option. Outside of the root, symlinks above it are the
 * user's own and are followed. Below the root, where another container may share the volume, they must not lead out of
 * it. Its directory is made when it is missing. What is at the place itself must not be followed by the caller.
 *
 * @throws SidecarError ERR_PATH_REDIRECTED when it leads out of the root; the system's error
 */
export async function openUserPlace(root: string, path: string): Promise<Below> {
  // There is none yet when the configuration itself is wrong.
  const real = root === '' ? undefined : await realpath(root).catch(() => undefined);
  const inRoot = real !== undefined && isInside(path, root) ? join(real, relative(root, path)) : path;
  if (real === undefined || !isInside(inRoot, real)) {
    await makeDirectory(dirname(path), 0o777);
    return { root: dirname(path), path };
  }
  const place = { root: real, path: inRoot };
  try {
    openBelow({ root: real, path: dirname(inRoot) }, USER_WALK).close();
    return place;
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    // A link from one place in the root to another is fine, when it is the same by the time that it is used.
    const directory = await realpath(dirname(inRoot)).catch((other: unknown) => {
      if (systemCode(other) === 'ENOENT' || systemCode(other) === 'ENOTDIR') return '/';
      throw other;
    });
    if (!isInside(directory, real)) throw error;
    return { root: real, path: join(directory, basename(inRoot)) };
  }
}
