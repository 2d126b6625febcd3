import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** `chmod -R`: everything below `path` and `path` itself gets exactly these bits; symlinks are left alone. */
export async function changePermissions(path: string, mode: number): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await changePermissions(child, mode);
    else if (entry.isFile()) await chmod(child, mode);
  }
  await chmod(path, mode);
}
