import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../model/error.ts';

/**
 * Makes a directory and those above it. Unlike Node's own, which never ends where a file system refuses with ENOENT
 * below a directory that exists (procfs), this one fails then.
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || (await stat(parent).catch(() => undefined))) throw error;
    await makeDirectory(parent, mode);
    await makeDirectory(path, mode);
  }
}
