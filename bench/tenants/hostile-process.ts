import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Said, Target } from './target.ts';

const GRACE_MS = 180_000;

export interface Turn {
  readonly name: string;
  /** As `performance.now()` has it. */
  readonly from: number;
  readonly to: number;
}

export interface HostileOutcome {
  readonly turns: readonly Turn[];
  readonly counts: Record<string, Record<string, number>>;
  readonly cpuMs: number;
}

/**
 * Runs the hostile tenant to its end.
 * @param prefix words in front of its command: its own work must not be what the honest tenant waits for
 * @throws when it does not end by itself as it should
 */
export async function runHostileTenant(target: Target, prefix: readonly string[]): Promise<HostileOutcome> {
  const program = join(fileURLToPath(new URL('.', import.meta.url)), 'hostile-tenant.mjs');
  const [file = '', ...args] = [...prefix, process.execPath, program, JSON.stringify(target)];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), target.seconds * 1000 + GRACE_MS);
  const begun: { name: string; from: number }[] = [];
  let last: Extract<Said, { counts: unknown }> | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as Said;
    if ('counts' in said) last = said;
    else begun.push({ name: said.turn, from: performance.now() });
    if ('turn' in said) process.stderr.write(`hostile: ${said.turn}\n`);
  });
  await new Promise((done) => child.once('close', done));
  clearTimeout(timer);
  const end = performance.now();
  if (!last) throw new Error('the hostile tenant ended too early, or did not end');
  const turns = begun.map((turn, index) => ({ ...turn, to: begun[index + 1]?.from ?? end }));
  return { turns, counts: last.counts, cpuMs: last.cpuMs };
}
