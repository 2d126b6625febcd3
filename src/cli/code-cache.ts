import { basename, dirname, join } from 'node:path';

/** What the names of a program's code caches for the Node that runs now begin with; `program` is a path without `.cjs`. */
function codeCachePrefix(program: string): string {
  return `${basename(program)}-${process.versions.v8}-${process.arch}`;
}

export function isCodeCache(name: string): boolean {
  return /^\.?git-(?:sidecar|sync)-\d.*\.cache(?:\.\d+)?$/.test(name);
}

/** The code cache for this process. */
export function codeCacheOf(program: string): string {
  return join(dirname(program), `${codeCachePrefix(program)}.cache`);
}
