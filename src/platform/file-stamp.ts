import { stat } from 'node:fs/promises';

/** Differs when the file was written, or replaced by another one. @throws the system's error when it is not there */
export async function fileStamp(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}
