import { constants } from 'node:fs';
import { open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from './find-program.ts';
import type { Environment, ProcessRunner } from './process/runner.ts';

/**
 * Resolves when everything that was written to the file systems of these files and directories is on the disk.
 * @throws the system's error when it cannot be written
 */
export type Flush = (paths: readonly string[], signal: AbortSignal) => Promise<void>;

export interface FlushOptions {
  readonly runner: ProcessRunner;
  readonly env: Environment;
}

async function flushOne(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  await file.sync().finally(async () => await file.close());
}

/** One file after the other: fsync(2). */
async function flushTree(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const directory = await opendir(path);
  for await (const entry of directory) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) await flushTree(below, signal);
    else if (entry.isFile()) await flushOne(below);
  }
  await flushOne(path);
}

/** Flushes a directory: which names are in it. */
export async function flushNames(directory: string): Promise<void> {
  await flushOne(directory);
}

/**
 * One syncfs(2) by the program sync(1), whatever the number of files; where there is no such program, or it cannot do
 * that, each file by itself. What others have written to the same disk is written out with it.
 */
export function createFlush({ runner, env }: FlushOptions): Flush {
  return async (paths, signal) => {
    const program = await findProgram('sync', env.PATH);
    const run = program && (await runner.run({ file: program, args: ['-f', ...paths], env, signal }));
    signal.throwIfAborted();
    if (run && run.code === 0) return;
    for (const path of paths) await flushTree(path, signal);
  };
}
