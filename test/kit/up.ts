import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';
import { Sidecar } from './sidecar.ts';

export interface UnitStatus {
  readonly kind: string;
  readonly ready: true | string;
  readonly published?: { readonly oid: string } | null;
  readonly error?: string | null;
  readonly trouble?: string;
}

export interface Status {
  readonly units: Readonly<Record<string, UnitStatus>>;
  readonly trouble?: string;
}

/** A file as Kubernetes mounts it from a ConfigMap: below a directory that a link shows, which is switched in one rename. */
export class ConfigMap {
  /** Where a container finds the document. */
  readonly file: string;
  readonly #directory: string;
  #version = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.file = join(directory, 'git.yaml');
    mkdirSync(directory, { recursive: true });
    symlinkSync('..data/git.yaml', this.file);
  }

  /** @param document YAML, or a value that is written as YAML */
  write(document: unknown): void {
    const before = `..${this.#version}`;
    this.#version += 1;
    const now = `..${this.#version}`;
    mkdirSync(join(this.#directory, now));
    const text = typeof document === 'string' ? document : stringify(document);
    writeFileSync(join(this.#directory, now, 'git.yaml'), text);
    symlinkSync(now, join(this.#directory, '..data_tmp'));
    renameSync(join(this.#directory, '..data_tmp'), join(this.#directory, '..data'));
    rmSync(join(this.#directory, before), { recursive: true, force: true });
  }
}

/** A running `git-sidecar up`, and its HTTP endpoint. */
export class Up {
  readonly process: Sidecar;
  readonly url: string;

  constructor(file: string, port: number, options: { readonly within?: readonly string[]; readonly home: string }) {
    const { within, home } = options;
    const env = { HOME: home, TMPDIR: home };
    this.process = new Sidecar(['up', file], env, { command: 'git-sidecar', ...(within && { within }) });
    this.url = `http://127.0.0.1:${port}`;
  }

  /** The status and the text of an answer; undefined while nobody answers. */
  async get(path: string): Promise<{ readonly status: number; readonly text: string } | undefined> {
    try {
      const answer = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(10_000) });
      return { status: answer.status, text: await answer.text() };
    } catch {
      return undefined;
    }
  }

  async status(): Promise<Status> {
    const answer = await until('it answers', async () => await this.get('/status'));
    return JSON.parse(answer.text) as Status;
  }

  async unit(name: string): Promise<UnitStatus | undefined> {
    return (await this.status()).units[name];
  }

  async untilReady(name: string): Promise<void> {
    await until(
      () => `${name} is ready\n${this.process.stderr.slice(-3000)}`,
      async () => (await this.get(`/readyz/${name}`))?.status === 200,
      60_000,
    );
  }

  /** Log lines of one unit that say so. */
  lines(unit: string, message: string): number {
    return this.process.logs.filter((line) => line.unit === unit && line.msg === message).length;
  }
}

/** Starts `git-sidecar up` with a document that has an endpoint; `make` gets its address. */
export async function startUp(
  directory: string,
  make: (bind: string) => unknown,
  within?: readonly string[],
): Promise<{ readonly up: Up; readonly map: ConfigMap; readonly bind: string; readonly again: () => Up }> {
  const port = await freePort();
  const bind = `127.0.0.1:${port}`;
  const map = new ConfigMap(join(directory, 'config'));
  const home = join(directory, 'home');
  mkdirSync(home, { recursive: true });
  map.write(make(bind));
  const again = (): Up => new Up(map.file, port, { home, ...(within && { within }) });
  return { up: again(), map, bind, again };
}
