import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../model/error.ts';
import { claimDirectory } from './owned-directory.ts';

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

/**
 * A directory for this process's own files (git configuration, ssh control sockets), mode 0700.
 *
 * The name is derived from `identity`, so that a process that was killed leaves something its successor reuses
 * instead of one more directory. A directory of that name which is not ours alone is left as it is, and an
 * unpredictable name is used. `fallbackParent` serves where the temporary directory cannot be written.
 */
export async function openPrivateDirectory(identity: string, fallbackParent: string): Promise<string> {
  const name = `git-sidecar-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
  for (const parent of [tmpdir(), fallbackParent]) {
    const path = join(parent, name);
    try {
      if (parent === fallbackParent) await mkdir(parent, { recursive: true });
      await mkdir(path, { mode: 0o700 });
      return await claim(path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') continue;
      return (await takeUp(path)) ? path : await mkdtemp(`${path}-`);
    }
  }
  throw new Error(`neither ${tmpdir()} nor ${fallbackParent} can be written`);
}
