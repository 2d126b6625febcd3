import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemCode } from '../model/error.ts';
import { makeDirectoryBelow } from './files-below.ts';
import { asideDirectory, removeLink } from './make-way.ts';
import { claimDirectory } from './owned-directory.ts';
import { isInside } from './paths.ts';

/** What an edition without marks left: git's settings, a user entry, the sockets of ssh. */
const EARLIER = /^(?:gitconfig|passwd|[0-9a-f]{40}(?:\..*)?|\.tmp-git-sidecar\..*)$/;

/** Takes up a directory of that name if it is a real one, of this user, closed to others, and ours. */
async function takeUp(path: string): Promise<boolean> {
  const stat = await lstat(path);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0) return false;
  return await claim(path).then(
    () => true,
    () => false,
  );
}

async function claim(path: string): Promise<string> {
  const foreignTo = async (names: readonly string[]): Promise<string[]> => names.filter((name) => !EARLIER.test(name));
  await claimDirectory({ path, purpose: 'the private files of a git-sidecar process', mode: 0o700, foreignTo });
  return path;
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
 * instead of one more directory. A directory of that name which is not ours alone is left as it is, and an
 * unpredictable name is used.
 * @param parents the first that can be written holds it; default: the temporary directory, then one below `root`
 */
export async function openPrivateDirectory(
  identity: string,
  root: string,
  parents: readonly string[] = [tmpdir(), asideDirectory(root)],
): Promise<string> {
  const name = `git-sidecar-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
  const below = asideDirectory(root);
  for (const parent of parents) {
    const path = join(parent, name);
    try {
      if (parent === below) await makeOwn(root, below);
      await mkdir(path, { mode: 0o700 });
      return await claim(path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') continue;
      return (await takeUp(path)) ? path : await mkdtemp(`${path}-`);
    }
  }
  throw new Error(`${parents.join(' and ')} cannot be written`);
}
