import { lstat, readdir } from 'node:fs/promises';
import { systemCode } from '../model/error.ts';
import { bounded } from '../platform/bounded.ts';
import type { Clock } from '../platform/clock.ts';
import type { CycleScope } from './cycle.ts';

/** Longest pause between two looks, in milliseconds. */
const LONGEST_PAUSE_MS = 15_000;
/** A look that sees progress allows for so many more pauses. */
const PAUSES_GRANTED = 3;

interface Amount {
  readonly entries: number;
  /** Bytes of all files; undefined when they were not counted. */
  readonly bytes: number | undefined;
}

async function namesIn(directory: Buffer) {
  try {
    return await readdir(directory, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    // It comes and goes while we look.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return [];
    throw error;
  }
}

/** What is below these directories. Names are bytes: a commit may hold any. */
async function measure(paths: readonly string[], withBytes: boolean): Promise<Amount> {
  const directories = paths.map((path) => Buffer.from(path));
  let entries = 0;
  let bytes = 0;
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const entry of await namesIn(directory)) {
      entries += 1;
      const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) directories.push(path);
      // A file that has gone meanwhile has no bytes.
      else if (withBytes) bytes += (await lstat(path).catch(() => undefined))?.size ?? 0;
    }
  }
  return { entries, bytes: withBytes ? bytes : undefined };
}

/** Entries appeared or vanished; where the number of entries is the same, the files have grown or shrunk. */
function hasMoved(before: Amount, now: Amount): boolean {
  if (before.entries !== now.entries) return true;
  return before.bytes !== undefined && now.bytes !== undefined && before.bytes !== now.bytes;
}

export interface FileWork {
  readonly scope: Pick<CycleScope, 'grant'>;
  readonly clock: Clock;
  /** `--sync-timeout`, in milliseconds; 0: none. */
  readonly limitMs: number;
  /** Directories below which files come or go while the work makes progress. */
  readonly paths: readonly string[];
}

async function grantWhileMoving(work: FileWork, over: AbortSignal): Promise<void> {
  const { scope, clock, limitMs, paths } = work;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, limitMs / 4);
  let before: Amount | undefined;
  let withBytes = false;
  for (;;) {
    await clock.sleep(pauseMs, over);
    if (over.aborted) return;
    const startedAt = clock.monotonic();
    const now = await measure(paths, withBytes);
    const lookMs = clock.monotonic() - startedAt;
    if (before && hasMoved(before, now)) scope.grant(PAUSES_GRANTED * (pauseMs + lookMs));
    // Bytes are dear, and are counted only while nothing else moves: one large file is being written.
    withBytes = before?.entries === now.entries;
    before = now;
  }
}

/**
 * Does work on this machine's disk that may take longer than `--sync-timeout`: as long as files appear or vanish, the
 * limit is extended. A checkout that is ended starts from nothing the next time, so on a slow disk it would never be
 * over. Work that waits for another machine, such as a fetch, gets no extension: a server could send a byte now and
 * then for ever.
 */
export async function withProgress<T>(work: FileWork, run: () => Promise<T>): Promise<T> {
  if (work.limitMs <= 0) return await run();
  const over = new AbortController();
  const looking = bounded(grantWhileMoving(work, over.signal), over.signal);
  // A look that fails grants nothing.
  looking.catch(() => undefined);
  try {
    return await run();
  } finally {
    over.abort();
  }
}
