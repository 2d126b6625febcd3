import { lstatSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Environment, ProcessRunner } from '../platform/process.ts';

/** Entries that are looked at before giving way to other work. */
const BATCH = 500;

/** Trees with more entries are left to find(1), which needs half the time and keeps this process free for the fetch. */
const LARGE = 3000;

export interface ChangeQuestion {
  readonly path: string;
  /** A file of the same file system; its modification time is the moment in question. */
  readonly stamp: string;
  /** About how many files there are. */
  readonly entries: number;
  readonly runner: ProcessRunner;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** What find(1) says; undefined when there is none, or one that does not know `-newercm` (busybox). */
async function askFind({ path, stamp, runner, env, signal }: ChangeQuestion): Promise<boolean | undefined> {
  const args = [path, '-newercm', stamp, '-print', '-quit'];
  const result = await runner.run({ file: 'find', args, env, signal }).catch(() => undefined);
  return result?.code === 0 && result.stderr === '' ? result.stdout.length > 0 : undefined;
}

async function look({ path, stamp, signal }: ChangeQuestion): Promise<boolean> {
  const since = lstatSync(stamp).mtimeMs;
  const directories = [path];
  let seen = 0;
  if (lstatSync(path).ctimeMs > since) return true;
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const child = `${directory}/${entry.name}`;
      if (lstatSync(child).ctimeMs > since) return true;
      if (entry.isDirectory()) directories.push(child);
      seen += 1;
      if (seen % BATCH !== 0) continue;
      await setImmediate();
      signal.throwIfAborted();
    }
  }
  return false;
}

/**
 * True when anything in a tree was changed after a moment: a file or its permissions, a name added to or removed from a
 * directory. The change time tells, which no program can set.
 */
export async function hasChangedSince(question: ChangeQuestion): Promise<boolean> {
  const found = question.entries > LARGE ? await askFind(question) : undefined;
  question.signal.throwIfAborted();
  return found ?? (await look(question));
}
