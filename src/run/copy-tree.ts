import { createHash, type Hash } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** Files copied before giving way to other work. */
const BATCH = 50;
const PERMISSIONS = 0o7777;

/**
 * Copies a tree, without `.git` at its top, or a single file, and gives a digest of all that was copied: names, kinds, permissions and
 * contents. Where the file system can, files share their data with the original.
 *
 * @returns hex digits
 */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  let copied = 0;
  const copyDirectory = async (source: string, target: string, prefix: string): Promise<void> => {
    mkdirSync(target, { recursive: true });
    const entries = readdirSync(source, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (prefix === '' && entry.name === '.git') continue;
      const [inner, outer, name] = [join(source, entry.name), join(target, entry.name), `${prefix}${entry.name}`];
      if (entry.isDirectory()) await copyDirectory(inner, outer, `${name}/`);
      else if (entry.isSymbolicLink()) copyLink(inner, outer, name, hash);
      else if (entry.isFile()) copyFile(inner, outer, name, hash);
      copied += 1;
      if (copied % BATCH !== 0) continue;
      await setImmediate();
      signal.throwIfAborted();
    }
  };
  const stat = lstatSync(from);
  if (stat.isDirectory()) await copyDirectory(from, to, '');
  else if (stat.isSymbolicLink()) copyLink(from, to, '', hash);
  else copyFile(from, to, '', hash);
  return hash.digest('hex');
}

function copyFile(source: string, target: string, name: string, hash: Hash): void {
  copyFileSync(source, target, constants.COPYFILE_FICLONE);
  const { mode } = statSync(source);
  // A read-only volume or an odd umask must not make our copy unwritable for us.
  chmodSync(target, (mode & PERMISSIONS) | 0o200);
  hash.update(`file ${(mode & 0o111) !== 0} ${name}\0`).update(readFileSync(target));
}

function copyLink(source: string, target: string, name: string, hash: Hash): void {
  const text = readlinkSync(source);
  symlinkSync(text, target);
  hash.update(`link ${name}\0${text}\0`);
}
