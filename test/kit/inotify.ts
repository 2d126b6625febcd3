import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach } from 'vitest';
import { until } from '../peers/wait.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Lines that `inotifywait -m ARGS DIRECTORY` prints, from the moment its watches stand. */
export async function inotifywait(args: readonly string[], directory: string): Promise<string[]> {
  const child = spawn('inotifywait', ['-m', ...args, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const lines: string[] = [];
  let stderr = '';
  let rest = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  await until('inotifywait watches', () => stderr.includes('Watches established'));
  return lines;
}
