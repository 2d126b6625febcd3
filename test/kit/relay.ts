import { join, resolve } from 'node:path';
import { Sidecar } from './sidecar.ts';

export interface RunningRelay {
  readonly process: Sidecar;
  readonly url: string;
  readonly port: number;
  /** What the relay calls a repository of `server`. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
}

/** The URL of a server without its scheme: the host as relays write it. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

export interface RelayStart {
  readonly dir: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  /** Default: a free one. */
  readonly port?: number;
  readonly root?: string;
  readonly scheme?: 'http' | 'https';
  /** The words that start it in another namespace. */
  readonly enter?: readonly string[];
}

/** A relay that accepts requests. */
export async function startRelay({
  dir,
  args,
  env = {},
  port,
  root,
  scheme = 'http',
  enter,
}: RelayStart): Promise<RunningRelay> {
  const where = [`--root=${root ?? join(dir, 'relay')}`, `--http-bind=127.0.0.1:${port ?? 0}`];
  const words = ['relay', ...where, '--period=100ms', '--requests-per-host=1000', ...args];
  const [file, ...before] = enter ?? [];
  const process =
    file === undefined
      ? new Sidecar(words, env, { command: 'git-sidecar' })
      : new Sidecar([...before, resolve('dist/git-sidecar.cjs'), ...words], env, { file });
  const serving = await process.logged('serving HTTP');
  const bound = Number(serving.port);
  const url = `${scheme}://127.0.0.1:${bound}`;
  return { process, url, port: bound, get: async (path, headers = {}) => await fetch(`${url}${path}`, { headers }) };
}
