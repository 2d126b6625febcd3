import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../model/error.ts';

/** @returns false when the directory above it is missing */
async function makeOne(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return false;
    if (code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
  return true;
}

/**
 * Makes a directory and those above it. Unlike Node's own, which never ends where a file system refuses with ENOENT
 * below a directory that exists (procfs), this one fails then.
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  if (await makeOne(path, mode)) return;
  const parent = dirname(path);
  if (!(await stat(parent).catch(() => undefined))) await makeDirectory(parent, mode);
  // The directory above it is there now, also when another part of this process made it after our first attempt.
  if (!(await makeOne(path, mode))) await mkdir(path, { mode });
}
