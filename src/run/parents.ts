import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Makes the directory of `path` below `directory`. */
export async function makeParents(directory: string, path: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
}

/** Removes directories that became empty with `path`, up to `directory` itself. */
export async function removeEmptyParents(directory: string, path: string): Promise<void> {
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    try {
      await rmdir(join(directory, parent));
    } catch {
      return;
    }
  }
}
