// Many repositories and many refs in one process (`git-sidecar up`), against as many processes: what a round of polls
// costs, and what a further sync weighs.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { Upstream } from '../test/kit/upstream.ts';
import { type Nginx, startNginx } from '../test/peers/nginx.ts';
import { createControlGroup } from './control-group.ts';
import { size } from './size.ts';
import { median, ms, table } from './statistics.ts';

const MANY = size('BENCH_UNITS', { full: 100, smoke: 4 });
const FEW = size('BENCH_FEW_UNITS', { full: 10, smoke: 2 });
const ROUNDS = size('BENCH_UNIT_ROUNDS', { full: 3, smoke: 1 });
/** git-sync's own default: each of them is at rest most of the time. */
const PERIOD_MS = size('BENCH_UNIT_PERIOD_MS', { full: 10_000, smoke: 1000 });
const SAMPLES = size('BENCH_UNIT_SAMPLES', { full: 11, smoke: 1 });

interface Sync {
  readonly name: string;
  readonly repo: string;
  readonly ref: string;
}

interface Result {
  /** Of a round of polls. */
  readonly requests: number;
  readonly serverMs: number;
  readonly clientMs: number;
  /** MiB, at rest. */
  readonly anonymous: number;
  readonly resident: number;
}

type Weight = Pick<Result, 'anonymous' | 'resident'>;
type How = 'one process' | 'single processes';

function memoryOf(children: readonly ChildProcess[]): Weight {
  const sum = (name: string): number =>
    children
      .map(({ pid }) => readFileSync(`/proc/${pid}/status`, 'utf8'))
      .map((text) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024)
      .reduce((all, each) => all + each, 0);
  return { anonymous: sum('RssAnon'), resident: sum('VmRSS') };
}

async function stop(children: readonly ChildProcess[]): Promise<void> {
  const gone = children.map((child) => new Promise((done) => child.once('exit', done)));
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(gone);
}

class Bench {
  readonly #directory: string;
  readonly #web: Nginx;
  readonly #serverCpuMs: () => number;
  #runs = 0;

  constructor(directory: string, web: Nginx, serverCpuMs: () => number) {
    this.#directory = directory;
    this.#web = web;
    this.#serverCpuMs = serverCpuMs;
  }

  /** What `syncs` cost, in one process or in as many. */
  async measure(syncs: readonly Sync[], how: How): Promise<Result> {
    return await this.#with(syncs, how, async (children, clientCpuMs) => {
      await delay(PERIOD_MS);
      const read = (): readonly number[] => [this.#requests(), this.#serverCpuMs(), clientCpuMs()];
      const before = read();
      await delay(ROUNDS * PERIOD_MS);
      const [requests = 0, serverMs = 0, clientMs = 0] = read().map((each, at) => (each - (before[at] ?? 0)) / ROUNDS);
      const samples: Weight[] = [];
      for (let times = 0; times < SAMPLES; times += 1) {
        samples.push(memoryOf(children));
        await delay(1000);
      }
      const middle = (key: keyof Weight): number => median(samples.map((each) => each[key]));
      return { requests, serverMs, clientMs, anonymous: middle('anonymous'), resident: middle('resident') };
    });
  }

  #requests(): number {
    return readFileSync(this.#web.accessLog, 'utf8').split('\n').length - 1;
  }

  async #with<T>(
    syncs: readonly Sync[],
    how: How,
    measure: (children: readonly ChildProcess[], clientCpuMs: () => number) => Promise<T>,
  ): Promise<T> {
    this.#runs += 1;
    const directory = join(this.#directory, `run-${this.#runs}`);
    mkdirSync(directory);
    const group = createControlGroup(`units-${this.#runs}`);
    const env = { PATH: process.env.PATH, HOME: directory, TMPDIR: directory };
    const start = (args: readonly string[]): ChildProcess => {
      const [file = '', ...rest] = [...group.prefix, ...args];
      return spawn(file, rest, { env, stdio: 'ignore', cwd: directory });
    };
    const period = `${PERIOD_MS}ms`;
    const root = ({ name }: Sync): string => join(directory, name);
    const children: ChildProcess[] = [];
    if (how === 'one process') {
      const sync = syncs.map((each) => ({ ...each, root: root(each), link: 'link' }));
      writeFileSync(join(directory, 'git.yaml'), stringify({ defaults: { period, 'verify-period': '0s' }, sync }));
      children.push(start([resolve('dist/git-sidecar.cjs'), 'up', 'git.yaml']));
    } else {
      for (const each of syncs) {
        const what = [`--repo=${each.repo}`, `--ref=${each.ref}`, `--root=${root(each)}`, '--link=link'];
        children.push(start([resolve('dist/git-sync.cjs'), ...what, `--period=${period}`, '--verify-period=0s']));
      }
    }
    try {
      for (const each of syncs) {
        const deadline = performance.now() + 300_000;
        while (!existsSync(join(root(each), 'link'))) {
          if (performance.now() > deadline) throw new Error(`${each.name} was not published`);
          await delay(20);
        }
      }
      return await measure(children, () => group.cpuMs());
    } finally {
      await stop(children);
      group.remove();
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

export async function benchUnits(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-units-'));
  const projects = join(directory, 'srv');
  const names = Array.from({ length: MANY }, (_, at) => `unit-${at}`);
  for (const name of names) new Upstream(projects, `${name}.git`).commit({ 'README.md': 'hello\n', name });
  const shared = new Upstream(projects, 'shared.git');
  shared.commit({ 'README.md': 'hello\n' });
  for (const name of names) shared.git('branch', name);
  shared.push('--all');
  const server = createControlGroup('units-server');
  const web = await startNginx(join(directory, 'nginx'), { projectRoot: projects }, server.prefix);
  try {
    const bench = new Bench(directory, web, () => server.cpuMs());
    const repositories = names.map((name) => ({ name, repo: `${web.url}/${name}.git`, ref: 'main' }));
    const refs = names.map((name) => ({ name, repo: `${web.url}/shared.git`, ref: name }));
    const rows: string[][] = [];
    const row = async (what: string, syncs: readonly Sync[], how: How): Promise<Result> => {
      const result = await bench.measure(syncs, how);
      const { requests, serverMs, clientMs, anonymous, resident } = result;
      const cells = [what, requests.toFixed(1), ms(serverMs), ms(clientMs), anonymous.toFixed(1), resident.toFixed(1)];
      rows.push(cells);
      process.stderr.write(`${cells.join(' | ')}\n`);
      return result;
    };
    const one = await row('1 repository, one process', repositories.slice(0, 1), 'one process');
    await row(`${FEW} repositories, one process`, repositories.slice(0, FEW), 'one process');
    await row(`${FEW} repositories, ${FEW} processes`, repositories.slice(0, FEW), 'single processes');
    const many = await row(`${MANY} repositories, one process`, repositories, 'one process');
    const ofRefs = await row(`${MANY} refs of 1 repository, one process`, refs, 'one process');
    await row(`${FEW} refs of 1 repository, ${FEW} processes`, refs.slice(0, FEW), 'single processes');
    const further = (weight: Weight): string => ((weight.anonymous - one.anonymous) / (MANY - 1)).toFixed(2);
    return [
      '## Many repositories in one process',
      `\`git-sidecar up\` with a document, against as many single processes. Requests and CPU in milliseconds are those of one round in which each sync polls once, over ${ROUNDS} rounds of ${PERIOD_MS / 1000} s; memory is that of the processes at rest, in MiB. Of ${MANY} single processes only ${FEW} are measured: each of them costs the same. Server: nginx + fcgiwrap + git-http-backend; repositories with 2 files.`,
      table(['what', 'requests', 'server CPU, ms', 'client CPU, ms', 'anonymous, MiB', 'resident, MiB'], rows),
      `A further tiny sync in the same process adds ${further(many)} MiB of anonymous memory, and a further ref of the same repository ${further(ofRefs)} MiB.`,
    ].join('\n\n');
  } finally {
    await web.stop();
    server.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
