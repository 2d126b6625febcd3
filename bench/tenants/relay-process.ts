import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../../test/peers/ports.ts';
import { until } from '../../test/peers/wait.ts';

export const HONEST_TOKEN = 'honest-token';
export const HOSTILE_TOKEN = 'hostile-token';
export const PUSH_SECRET = 'a shared secret';
export const MAX_DISK_MIB = 512;
export const CACHE_SIZE_MIB = 128;
/** What the chart and the manifest give a relay (deploy/). */
export const MEMORY_LIMIT_MIB = 1024;
/** In place of this checkout's, to measure another build. */
const PROGRAM = process.env.BENCH_RELAY ?? 'dist/git-sidecar.cjs';

export interface TenantsRelay {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly root: string;
  /** Why it ended, if it did. */
  readonly ended: () => string | undefined;
  /** @throws when it does not become so */
  whenReady(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param host `HOST:PORT` of the git server that has `honest/` and `hostile/`
 * @param prefix words in front of its command
 */
export async function startTenantsRelay(
  directory: string,
  host: string,
  prefix: readonly string[],
): Promise<TenantsRelay> {
  const port = await freePort();
  const root = join(directory, 'relay');
  const access = `bearer ${HONEST_TOKEN} ${host}/honest/*\nbearer ${HOSTILE_TOKEN} ${host}/hostile/**\n`;
  writeFileSync(join(directory, 'access'), access);
  writeFileSync(join(directory, 'secret'), PUSH_SECRET);
  const args = [
    ...['relay', `--root=${root}`, `--http-bind=127.0.0.1:${port}`, '--http-metrics', `--allow=http://${host}/**`],
    ...[`--access-file=${directory}/access`, `--push-secret-file=${directory}/secret`, '--period=1s'],
    ...[`--max-disk=${MAX_DISK_MIB}Mi`, `--cache-size=${CACHE_SIZE_MIB}Mi`],
  ];
  const [file = '', ...words] = [...prefix, resolve(PROGRAM)];
  const env = { PATH: process.env.PATH ?? '', HOME: directory };
  const child: ChildProcess = spawn(file, [...words, ...args], { env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const ended = (): string | undefined =>
    child.exitCode === null && child.signalCode === null ? undefined : `${child.exitCode ?? child.signalCode}`;
  return {
    url,
    port,
    pid: child.pid ?? 0,
    root,
    ended,
    whenReady: async () => {
      await until('the relay is ready', async () => {
        return (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
      });
    },
    stop: async () => {
      if (ended() !== undefined) return;
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(timer);
    },
  };
}
