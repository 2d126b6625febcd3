import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Environment } from './runner.ts';

export interface HeirSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** Descriptors that are its standard input, and its standard output and error. */
  readonly input: number;
  readonly output: number;
}

/** A process that waits for our end: descriptor 3 of it ends without a byte when we are gone. */
export interface Heir {
  /** It is not needed any more: it reads a line on descriptor 3. */
  dismiss(): void;
}

/** @returns the process, once it runs; rejects when it cannot be started. It does not keep us from ending. */
export async function startHeir({ file, args, env, input, output }: HeirSpec): Promise<Heir> {
  const child = spawn(file, [...args], {
    cwd: '/',
    env: env as NodeJS.ProcessEnv,
    stdio: [input, output, output, 'pipe'],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject);
  });
  const word = child.stdio[3] as Socket;
  word.on('error', () => undefined);
  word.unref();
  child.unref();
  return { dismiss: () => void word.end('\n') };
}
