import { chmodSync, type Dirent, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { systemCode } from '../model/error.ts';

/** Entries removed before giving way to other work. */
const BATCH = 200;

function ignoreMissing(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** Names in a directory; one that was made unreadable or read-only by somebody is opened first. */
function entriesOf(path: string): Dirent[] {
  try {
    if ((lstatSync(path).mode & 0o700) !== 0o700) chmodSync(path, 0o700);
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Removes whatever is at `path`, and everything below it if it is a directory; a symlink is removed, not followed.
 * Nothing there is fine. One directory is held in memory at a time, and other work goes on meanwhile:
 * `fs.rm` starts on all files of a tree at once, which for a large one takes a hundred megabytes.
 */
export async function removeTree(path: string): Promise<void> {
  let removed = 0;
  const removeDirectory = async (directory: string): Promise<void> => {
    for (const entry of entriesOf(directory)) {
      const child = `${directory}/${entry.name}`;
      if (entry.isDirectory()) await removeDirectory(child);
      else ignoreMissing(() => unlinkSync(child));
      removed += 1;
      if (removed % BATCH === 0) await setImmediate();
    }
    ignoreMissing(() => rmdirSync(directory));
  };
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) await removeDirectory(path);
  else if (stat) ignoreMissing(() => unlinkSync(path));
}
