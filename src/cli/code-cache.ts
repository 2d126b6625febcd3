import { basename, dirname, join } from 'node:path';

/** What the names of a program's code caches for the Node that runs now begin with; `program` is a path without `.cjs`. */
export function codeCachePrefix(program: string): string {
  return `${basename(program)}-${process.versions.v8}-${process.arch}`;
}

/** How the cache of `node FILE` ends, which no launcher uses. */
export const OF_A_BARE_NODE = '-default.cache';

export function isCodeCache(name: string): boolean {
  return /^\.?git-(?:sidecar|sync)-\d.*\.cache(?:\.\d+)?$/.test(name);
}

/** The code cache for this process. V8's heap settings are part of what it must fit, and a relay has its own. */
export function codeCacheOf(program: string): string {
  const heap = /--max-semi-space-size=(\d+)/.exec(process.execArgv.join(' '))?.[1];
  const end = heap === undefined ? OF_A_BARE_NODE : `-${heap}.cache`;
  return join(dirname(program), codeCachePrefix(program) + end);
}
