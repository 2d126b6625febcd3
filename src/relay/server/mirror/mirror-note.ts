import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readText } from '../../../platform/atomic-file.ts';
import { writeBelow } from '../../../platform/files-below.ts';
import { parseRepositoryName, type RepositoryName } from '../../protocol/repository-name.ts';

/** What is known of a mirror on disk. */
interface Note {
  readonly name: RepositoryName;
  /** When the git server last confirmed its refs; milliseconds since the epoch, 0 for never. */
  readonly asOf: number;
}

const NOTE = 'git-sidecar.json';

/** A directory name that shows people which repository it is; only the digest is compared. */
export function directoryName(name: RepositoryName): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  const readable = name.replace(/[^a-z0-9.-]+/gi, '_').slice(-60);
  return `${readable}.${digest}`;
}

/** @returns undefined where there is none that can be understood */
export async function readNote(directory: string): Promise<Note | undefined> {
  try {
    const { name, asOf } = JSON.parse((await readText(join(directory, NOTE))) ?? '') as Record<string, unknown>;
    const parsed = typeof name === 'string' ? parseRepositoryName(name) : undefined;
    return parsed && { name: parsed, asOf: typeof asOf === 'number' ? asOf : 0 };
  } catch {
    return undefined;
  }
}

/** @param root trusted, above the directory of the mirror */
export async function writeNote(root: string, directory: string, note: Note): Promise<void> {
  await writeBelow({ root, path: join(directory, NOTE) }, `${JSON.stringify(note)}\n`);
}
