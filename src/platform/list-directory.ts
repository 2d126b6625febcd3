import { readdirSync } from 'node:fs';
import { type BytePath, pathOfBytes, systemPath } from './byte-path.ts';

export interface ByteEntry {
  readonly name: BytePath;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

/** The entries of a directory, in no order. @throws the system's error */
export function listDirectory(path: BytePath): ByteEntry[] {
  return readdirSync(systemPath(path), { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({
    name: pathOfBytes(entry.name),
    kind: entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'other',
  }));
}

/** The names in a directory, in no order. @throws the system's error */
export function listNames(path: BytePath): BytePath[] {
  return readdirSync(systemPath(path), 'latin1') as unknown as BytePath[];
}
