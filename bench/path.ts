// One sub-directory of a large repository (`--path`): what is fetched, what lies on disk, and what an update costs,
// against the whole.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { git, type Upstream } from '../test/kit/upstream.ts';
import { type Nginx, startNginx } from '../test/peers/nginx.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';
import { diskOf } from './disk.ts';
import { largeRepository } from './repositories.ts';
import { size } from './size.ts';
import { median, ms, table } from './statistics.ts';

const FILES = size('BENCH_PATH_FILES', { full: 50_000, smoke: 300 });
const ROUNDS = size('BENCH_PATH_ROUNDS', { full: 5, smoke: 1 });
/** What follows a publish is a part of its cost. */
const AFTERWARDS_MS = size('BENCH_PATH_AFTERWARDS_MS', { full: 1500, smoke: 300 });
/** Directories of `largeRepository` have 100 files each. */
const PART = 'd1';
const KIB = 1024;

/** What happened from one moment to another. */
interface Cost {
  readonly bytes: number;
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

/** A running sync, and what it costs. */
class Sync {
  readonly #web: Nginx;
  readonly #group: ControlGroup;
  readonly #child: ChildProcess;
  #log = '';

  constructor(web: Nginx, group: ControlGroup, args: readonly string[], directory: string) {
    this.#web = web;
    this.#group = group;
    const [file = '', ...words] = [...group.prefix, resolve('dist/git-sync.cjs'), ...args];
    const env = { PATH: process.env.PATH, HOME: directory, TMPDIR: directory };
    this.#child = spawn(file, words, { env, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
  }

  /** Until a log line about `oid` says so. */
  async until(oid: () => string, message: string): Promise<Cost> {
    const before = { bytes: this.#bytes(), cpu: this.#group.cpuMs(), at: performance.now() };
    const wanted = oid();
    const deadline = before.at + 300_000;
    while (!this.#log.split('\n').some((line) => line.includes(message) && line.includes(wanted))) {
      if (performance.now() > deadline) throw new Error(`${message} was not logged:\n${this.#log.slice(-2000)}`);
      await delay(5);
    }
    const elapsedMs = performance.now() - before.at;
    await delay(AFTERWARDS_MS);
    return { bytes: this.#bytes() - before.bytes, cpuMs: this.#group.cpuMs() - before.cpu, elapsedMs };
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await gone;
  }

  /** Bytes of all answers that bring objects. */
  #bytes(): number {
    const lines = readFileSync(this.#web.accessLog, 'utf8').matchAll(/"POST [^"]*git-upload-pack[^"]*" 200 (\d+)/g);
    return [...lines].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }
}

const middle = (costs: readonly Cost[], key: keyof Cost): number => median(costs.map((each) => each[key]));
const kib = (bytes: number): string => (bytes / KIB).toFixed(bytes < 10 * KIB ? 1 : 0);

async function measure(web: Nginx, upstream: Upstream, directory: string, args: readonly string[]): Promise<string[]> {
  mkdirSync(directory);
  const group = createControlGroup(`path-${directory.split('-').at(-1)}`);
  const root = join(directory, 'root');
  const repo = `${web.url}/${upstream.bare.split('/').at(-1)}`;
  const base = [`--repo=${repo}`, '--ref=main', `--root=${root}`, '--link=link', '--period=1s', '--verify-period=0s'];
  const sync = new Sync(web, group, [...base, '-v=1', ...args], directory);
  try {
    const first = await sync.until(() => upstream.head(), '"published"');
    const disk = diskOf(root);
    const change = async (path: string, message: string): Promise<Cost[]> => {
      const costs: Cost[] = [];
      for (let round = 0; round < ROUNDS; round += 1)
        costs.push(await sync.until(() => upstream.commit({ [path]: `${path} ${Math.random()}\n` }), message));
      return costs;
    };
    const inside = await change(`${PART}/f100`, '"published"');
    const isPart = args.some((arg) => arg.startsWith('--path'));
    const beside = await change('d0/f0', isPart ? 'a commit changes nothing' : '"published"');
    const costOf = (costs: readonly Cost[]): string[] => [kib(middle(costs, 'bytes')), ms(middle(costs, 'cpuMs'))];
    return [kib(first.bytes), ms(first.elapsedMs), kib(disk), kib(diskOf(root)), ...costOf(inside), ...costOf(beside)];
  } finally {
    await sync.stop();
    group.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function benchPath(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-path-'));
  const projects = join(directory, 'srv');
  mkdirSync(projects);
  const upstream = largeRepository(projects, FILES);
  const web = await startNginx(join(directory, 'nginx'), { projectRoot: projects });
  const rows: string[][] = [];
  const row = async (what: string, args: readonly string[], allowsFilter: boolean): Promise<void> => {
    git(upstream.bare, 'config', 'uploadpack.allowFilter', String(allowsFilter));
    const cells = [what, ...(await measure(web, upstream, join(directory, `run-${rows.length}`), args))];
    rows.push(cells);
    process.stderr.write(`${cells.join(' | ')}\n`);
  };
  try {
    await row('the whole', [], true);
    await row('`--path`', [`--path=${PART}`], true);
    await row('`--path`, no partial clone', [`--path=${PART}`], false);
    const update = (where: string): string[] => [`${where}: KiB`, 'CPU, ms'];
    return [
      '## A part of a repository',
      `\`--path\` of a directory with 100 files in a repository of ${FILES.toLocaleString('en')} small files, against the whole. Fetched are the bytes of all answers that bring objects; disk is all of \`--root\`, repository included, after the first publish and at the end. Then one file changes, inside the path and beside it; CPU is that of the client with all its children, from the push until ${AFTERWARDS_MS / 1000} s after the log says “published” or “changes nothing”. Median of ${ROUNDS}.`,
      table(
        [
          'what',
          'first fetch, KiB',
          'first publish, ms',
          'disk, KiB',
          'disk at the end, KiB',
          ...update('inside'),
          ...update('beside'),
        ],
        rows,
      ),
    ].join('\n\n');
  } finally {
    await web.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
