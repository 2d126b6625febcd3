import { join } from 'node:path';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';
import { Publisher } from './publisher.ts';
import { type LogLine, Sidecar } from './sidecar.ts';
import { tempDir } from './temp.ts';

export interface RunFixture {
  readonly dir: string;
  readonly publisher: Publisher;
  readonly stateDir: string;
  readonly statusPort: number;
  /** `git-sidecar run` that follows the publisher's link; the words behind `--` are the command. */
  start(options: readonly string[], command: readonly string[], env?: Record<string, string>): Sidecar;
  status(): Promise<Status>;
}

export interface Status {
  readonly running?: { readonly oid: string; readonly pid: number; readonly port?: number };
  readonly quarantined: Record<string, string>;
  readonly restarts: number;
  readonly releases: readonly string[];
  readonly lastDeployment?: { readonly oid: string; readonly outcome: string; readonly reason?: string };
}

export async function runFixture(): Promise<RunFixture> {
  const dir = tempDir();
  const publisher = new Publisher(join(dir, 'published'));
  const stateDir = join(dir, 'state');
  const statusPort = await freePort();
  return {
    dir,
    publisher,
    stateDir,
    statusPort,
    start: (options, command, env = {}) =>
      new Sidecar(
        [
          'run',
          `--link=${publisher.link}`,
          `--state=${stateDir}`,
          `--http-bind=127.0.0.1:${statusPort}`,
          '--http-metrics',
          '--ready-delay=150ms',
          '--ready-for=0s',
          '--drain-delay=0s',
          ...options,
          '--',
          ...command,
        ],
        env,
        { command: 'git-sidecar' },
      ),
    status: async () => (await (await fetch(`http://127.0.0.1:${statusPort}/status`)).json()) as Status,
  };
}

/** Waits for the end of the deployment of `oid`. */
export async function deployed(process: Sidecar, oid: string): Promise<LogLine> {
  return await until(
    () => `the deployment of ${oid} ends; so far:\n${process.stderr.slice(-3000)}`,
    () => process.logs.findLast(({ msg, hash }) => msg === 'deployment' && hash === oid),
    30_000,
  );
}
