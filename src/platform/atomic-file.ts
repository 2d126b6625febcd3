import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A name nobody else uses, beside `path`, for writing it in two steps. */
export function temporaryName(directory: string, prefix: string): string {
  return join(directory, `${prefix}.${randomBytes(8).toString('hex')}`);
}

export interface AtomicWriteOptions {
  /** Permission bits of the new file, before the umask. */
  readonly mode?: number;
  /** The content is on the disk before the file has its name. */
  readonly flush?: boolean;
}

async function create(path: string, content: string, { mode = 0o644, flush = false }: AtomicWriteOptions) {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(content);
    if (flush) await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes the whole of `content` to `path` or leaves what was there: a reader never sees half a file. */
export async function writeFileAtomic(path: string, content: string, options: AtomicWriteOptions = {}): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = temporaryName(directory, '.tmp-git-sidecar');
  try {
    await create(temporary, content, options);
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
