import { chmod } from 'node:fs/promises';
import { type BytePath, joinPath, pathOfText, systemPath } from '../platform/byte-path.ts';
import { listDirectory } from '../platform/list-directory.ts';

/** `chmod -R`: everything below `path` and `path` itself gets exactly these bits; symlinks are left alone. */
export async function changePermissions(path: string, mode: number): Promise<void> {
  await changeBelow(pathOfText(path), mode);
}

async function changeBelow(path: BytePath, mode: number): Promise<void> {
  for (const { name, kind } of listDirectory(path)) {
    const child = joinPath(path, name);
    if (kind === 'directory') await changeBelow(child, mode);
    else if (kind === 'file') await chmod(systemPath(child), mode);
  }
  await chmod(systemPath(path), mode);
}
