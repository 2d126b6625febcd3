import { spawn } from 'node:child_process';
import type { Environment, Exit } from './runner.ts';
import { signalGroup } from './signal-group.ts';

export interface LongRunningSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  /** The descriptor that is its standard error; undefined: ours. */
  readonly stderr?: number | undefined;
}

/** A process that is expected to stay, with its own session and process group; it writes where we write. */
export interface LongRunning {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  /** Signals the process; one that is gone is no error. */
  signal(name: NodeJS.Signals): void;
  /** Signals the process and everything that it started and that stayed in its group. */
  signalGroup(name: NodeJS.Signals): void;
}

/** @returns the process, once it runs; rejects when it cannot be started (ENOENT, EACCES, …) */
export async function startLongRunning({ file, args, env, cwd, stderr }: LongRunningSpec): Promise<LongRunning> {
  const child = spawn(file, [...args], {
    cwd,
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'inherit', stderr ?? 'inherit'],
    detached: true,
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    // Once it runs, an error is only a signal that could not be sent (EPERM).
    child.on('error', reject);
  });
  return {
    pid: child.pid ?? 0,
    exited,
    signal: (name) => void child.kill(name),
    signalGroup: (name) => signalGroup(child.pid, name),
  };
}
