import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../model/error.ts';

/** True when `path` is a real directory of this user that nobody else may enter. */
async function isPrivate(path: string): Promise<boolean> {
  const stat = await lstat(path);
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
}

/**
 * A directory for this process's own files (git configuration, ssh control sockets), mode 0700.
 *
 * The name is derived from `identity`, so that a process that was killed leaves something its successor reuses
 * instead of one more directory. A directory of that name which is not ours alone is left be, and an
 * unpredictable name is used. `fallbackParent` serves where the temporary directory cannot be written.
 */
export async function openPrivateDirectory(identity: string, fallbackParent: string): Promise<string> {
  const name = `git-sidecar-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
  for (const parent of [tmpdir(), fallbackParent]) {
    const path = join(parent, name);
    try {
      if (parent === fallbackParent) await mkdir(parent, { recursive: true });
      await mkdir(path, { mode: 0o700 });
      return path;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') continue;
      return (await isPrivate(path)) ? path : await mkdtemp(`${path}-`);
    }
  }
  throw new Error(`neither ${tmpdir()} nor ${fallbackParent} can be written`);
}
