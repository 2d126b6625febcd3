import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemCode } from '../model/error.ts';
import { makeDirectoryBelow } from './files-below.ts';
import { asideDirectory, removeLink } from './make-way.ts';
import { isInside } from './paths.ts';

/** True when `path` is a real directory of this user that nobody else may enter. */
async function isPrivate(path: string): Promise<boolean> {
  const stat = await lstat(path);
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
}

/** A symlink in its place was not put there by us, and would lead elsewhere. */
async function makeOwn(root: string, path: string): Promise<void> {
  await removeLink({ root, path });
  await makeDirectoryBelow({ root, path });
}

/** What `directory` is trusted from: the root for one that is below it, else the directory that holds it. */
export function trustedAbove(directory: string, root: string): string {
  return isInside(directory, root) ? root : dirname(directory);
}

/**
 * A directory for this process's own files (git configuration, ssh control sockets), mode 0700.
 *
 * The name is derived from `identity`, so that a process that was killed leaves something its successor reuses
 * instead of one more directory. A directory of that name which is not ours alone is left be, and an
 * unpredictable name is used. Where the temporary directory cannot be written, it is made below `root`.
 */
export async function openPrivateDirectory(identity: string, root: string): Promise<string> {
  const name = `git-sidecar-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
  const below = asideDirectory(root);
  for (const parent of [tmpdir(), below]) {
    const path = join(parent, name);
    try {
      if (parent === below) await makeOwn(root, below);
      await mkdir(path, { mode: 0o700 });
      return path;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') continue;
      return (await isPrivate(path)) ? path : await mkdtemp(`${path}-`);
    }
  }
  throw new Error(`neither ${tmpdir()} nor ${below} can be written`);
}
