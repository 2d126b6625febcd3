import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A name nobody else uses, beside `path`, for writing it in two steps. */
export function temporaryName(directory: string, prefix: string): string {
  return join(directory, `${prefix}.${randomBytes(8).toString('hex')}`);
}

export interface AtomicWriteOptions {
  /** Permission bits of the new file, before the umask. */
  readonly mode?: number;
}

/** Writes the whole of `content` to `path` or leaves what was there: a reader never sees half a file. */
export async function writeFileAtomic(path: string, content: string, options: AtomicWriteOptions = {}): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = temporaryName(directory, '.tmp-git-sidecar');
  try {
    await writeFile(temporary, content, { mode: options.mode ?? 0o644, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The text of a file; undefined when it cannot be read. */
export async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}
