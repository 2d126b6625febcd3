import { stat } from 'node:fs/promises';
import type { Clock } from '../platform/clock.ts';

export interface FileWatchOptions {
  /** Paths; asked for at each look. */
  readonly files: () => readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called at the start, since something may have changed since the caller read them, and after each change. */
  readonly onChange: () => Promise<void>;
}

/** A look costs one `stat` a file, so no watch of the kernel is needed, which some file systems do not have. */
const EVERY_MS = 1000;
/** A program that writes a file in place may be in the middle of it. */
const SETTLE_MS = 200;
const MOST_SETTLES = 25;

/**
 * What distinguishes a file from a changed one. Links are followed: those of a ConfigMap lead to a new file after a
 * change.
 */
async function signatureOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found ? [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ') : 'missing';
}

type Signatures = ReadonlyMap<string, string>;

async function signaturesOf(paths: readonly string[]): Promise<Signatures> {
  return new Map(await Promise.all(paths.map(async (path) => [path, await signatureOf(path)] as const)));
}

/** Every path of `now` looks as it did. One that was not looked at before may have changed. */
function isSame(known: Signatures, now: Signatures): boolean {
  return [...now].every(([path, signature]) => known.get(path) === signature);
}

/** Looks again and again until `signal` fires. */
export async function watchFiles({ files, clock, signal, onChange }: FileWatchOptions): Promise<void> {
  let known = await signaturesOf(files());
  await onChange();
  while (!signal.aborted) {
    await clock.sleep(EVERY_MS, signal);
    let now = await signaturesOf(files());
    if (isSame(known, now)) continue;
    for (let settles = 0; settles < MOST_SETTLES && !signal.aborted; settles += 1) {
      await clock.sleep(SETTLE_MS, signal);
      const next = await signaturesOf(files());
      if (isSame(now, next)) break;
      now = next;
    }
    if (signal.aborted) return;
    // As they were before they are read: what changes meanwhile is seen at the next look.
    known = now;
    await onChange();
  }
}
