import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RepositoryName } from '../../src/relay/protocol/repository-name.ts';
import type { Upstream } from '../../test/kit/upstream.ts';
import type { Nginx } from '../../test/peers/nginx.ts';
import { freePort } from '../../test/peers/ports.ts';
import { until } from '../../test/peers/wait.ts';
import { type ControlGroup, createControlGroup } from '../control-group.ts';
import { size } from '../size.ts';
import { mostOpenFiles, withOpenFiles } from './open-files.ts';

const SECRET = 'bench';
/** In which a load is measured that goes on. */
export const WINDOW_MS = size('BENCH_WINDOW_MS', { full: 10_000, smoke: 1500 });
/** More words for the relay, such as `--http-pprof`. */
const MORE_WORDS = process.env.BENCH_RELAY_ARGS?.split(' ') ?? [];

export interface Scene {
  readonly directory: string;
  /** Directory for figures. */
  readonly output: string;
  readonly upstream: Upstream;
  readonly web: Nginx;
  readonly server: ControlGroup;
  readonly url: string;
  readonly name: RepositoryName;
}

export const requestsOf = ({ accessLog }: Nginx): string[] =>
  readFileSync(accessLog, 'utf8').split('\n').filter(Boolean);

export interface RunningRelay {
  readonly url: string;
  readonly port: number;
  readonly group: ControlGroup;
  readonly pid: number;
  /** As a git host would. */
  notify(): Promise<void>;
  metric(name: string): Promise<number>;
  /** Asks `/healthz`. */
  probe(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRelay(
  { directory, web }: Scene,
  period: string,
  more: readonly string[] = [],
): Promise<RunningRelay> {
  const group = createControlGroup(`relay-${Math.random().toString(36).slice(2, 8)}`);
  const port = await freePort();
  writeFileSync(join(directory, 'secret'), SECRET);
  const [file = '', ...words] = [
    ...withOpenFiles(mostOpenFiles()),
    ...group.prefix,
    ...[resolve('dist/git-sidecar.cjs'), 'relay'],
    ...[`--root=${directory}/relay`, `--http-bind=127.0.0.1:${port}`, '--http-metrics', `--allow=${web.url}/*`],
    ...[
      '--max-requests=100000',
      `--period=${period}`,
      `--push-secret-file=${directory}/secret`,
      `--follow=${web.url}/repo.git`,
    ],
    ...more,
    ...MORE_WORDS,
  ];
  const child = spawn(file, words, { env: { PATH: process.env.PATH ?? '', HOME: directory }, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  /** Again where a connection that rested was closed at the same moment. */
  const send = async (path: string, init?: RequestInit): Promise<Response> =>
    await fetch(`${url}${path}`, init).catch(async () => await fetch(`${url}${path}`, init));
  const ask = async (path: string): Promise<Response | undefined> => await send(path).catch(() => undefined);
  await until('the relay is ready', async () => (await ask('/readyz'))?.status === 200);
  return {
    url,
    port,
    group,
    pid: child.pid ?? 0,
    notify: async () => {
      const body = '{}';
      const signature = createHmac('sha256', SECRET).update(body).digest('hex');
      const headers = { 'x-signature-256': `sha256=${signature}` };
      await (await send('/push', { method: 'POST', body, headers })).text();
    },
    metric: async (name) => {
      const text = (await (await ask('/metrics'))?.text()) ?? '';
      const found = text.split('\n').find((line) => line.startsWith(`${name} `));
      return Number(found?.slice(name.length + 1));
    },
    probe: async () => {
      if ((await ask('/healthz'))?.status !== 200) throw new Error('the relay is not well');
    },
    stop: async () => {
      await end(child);
      group.remove();
      rmSync(join(directory, 'relay'), { recursive: true, force: true });
    },
  };
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}
