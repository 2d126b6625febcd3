import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Usage } from './usage.ts';

export interface Watched {
  readonly pid: number;
  readonly root: string;
  /** Words in front of the watcher's command. */
  readonly prefix: readonly string[];
}

/** The usage of a relay from now until `signal` aborts. */
export async function usageUntil({ pid, root, prefix }: Watched, signal: AbortSignal): Promise<Usage> {
  const program = join(fileURLToPath(new URL('.', import.meta.url)), 'usage-watcher.mjs');
  const [file = '', ...args] = [...prefix, process.execPath, program, String(pid), root];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const end = (): void => void child.stdin.end();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  return JSON.parse(await text(child.stdout)) as Usage;
}
