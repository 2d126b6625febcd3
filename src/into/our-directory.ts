import { type BytePath, bytesOfPath, joinPath, pathOfBytes } from '../platform/byte-path.ts';
import { bytesOfName, type HeldDirectory } from '../platform/held-directory.ts';
import { listDirectory } from '../platform/list-directory.ts';
import type { Ledger } from './ledger.ts';

/** A file that is open somewhere and was removed: NFS keeps it under such a name until it is closed. */
const NFS_LEFTOVER = /^\.nfs/;

export function isNfsLeftover(name: BytePath): boolean {
  return NFS_LEFTOVER.test(`${name}`);
}

/** The entries of a directory that is held. */
export function entriesIn(directory: HeldDirectory): ReturnType<typeof listDirectory> {
  return listDirectory(pathOfBytes(bytesOfName(directory.itself)));
}

/**
 * The files and links in a directory and below it, if all of these and all directories are ours.
 * @param path of the directory
 * @returns undefined when anything else is in it
 */
export function filesOfOurs(
  directory: HeldDirectory,
  path: BytePath,
  ledger: Pick<Ledger, 'files' | 'directories'>,
): BytePath[] | undefined {
  if (!ledger.directories.has(path)) return undefined;
  const files: BytePath[] = [];
  for (const { name, kind } of entriesIn(directory)) {
    const at = joinPath(path, name);
    if (kind === 'directory') {
      const child = directory.child(bytesOfPath(name));
      try {
        const below = child.mount === directory.mount ? filesOfOurs(child, at, ledger) : undefined;
        if (!below) return undefined;
        files.push(...below);
      } finally {
        child.close();
      }
    } else if (ledger.files.has(at)) files.push(at);
    else if (!isNfsLeftover(name)) return undefined;
  }
  return files;
}
