// One of many files changes: a link, a real directory, and `rsync` from a fresh checkout.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GIT_ENV, git, type Upstream } from '../test/kit/upstream.ts';
import { largeRepository } from './repositories.ts';
import { size } from './size.ts';
import { median, ms, table } from './statistics.ts';

const ROUNDS = size('BENCH_ROUNDS', { full: 5, smoke: 1 });
const FILES = size('BENCH_INTO_FILES', { full: 50_000, smoke: 300 });
const PROGRAM = resolve('dist/git-sync.cjs');
/** proc(5), "/proc/pid/stat": in clock ticks, of which Linux shows 100 a second. */
const TICK_MS = 10;
const MEBIBYTE = 2 ** 20;

interface Usage {
  readonly cpuMs: number;
  readonly bytes: number;
}

interface Measure extends Usage {
  readonly wallMs: number;
}

/** What a process and the children that it waited for have used (proc(5)): processor time, and bytes given to write(2). */
function parseUsage(io: string, stat: string): Usage {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { cpuMs: ticks * TICK_MS, bytes: Number(/^wchar: (\d+)$/m.exec(io)?.[1]) };
}

function usageOf(pid: number): Usage {
  return parseUsage(readFileSync(`/proc/${pid}/io`, 'utf8'), readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Pushes a commit that changes one file; returns it. */
function change({ bare }: Upstream, round: number): string {
  const at = (round * 7919) % FILES;
  const text = `round ${round}\n`;
  const lines = ['commit refs/heads/main', `committer C <c@example.com> ${1_700_000_100 + round} +0000`];
  lines.push(`data ${String(round).length}`, String(round), 'from refs/heads/main^0');
  lines.push(`M 100644 inline d${Math.floor(at / 100)}/f${at}`, `data ${text.length}`, text);
  execFileSync('git', ['fast-import', '--quiet'], { cwd: bare, env: GIT_ENV, input: `${lines.join('\n')}\n` });
  return git(bare, 'rev-parse', 'main');
}

async function until(what: string, probe: () => boolean): Promise<void> {
  const deadline = performance.now() + 240_000;
  while (!probe()) {
    if (performance.now() > deadline) throw new Error(`it took too long until ${what}`);
    await delay(2);
  }
}

function shown(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}

let round = 0;

/** A sync that runs; each update from the signal on, the work of the clean-up included in processor time and bytes. */
async function measureSync(upstream: Upstream, home: string, into: boolean): Promise<Measure[]> {
  const directory = mkdtempSync(join(home, 'sync-'));
  const [root, target] = [join(directory, 'root'), join(directory, 'into')];
  const args = [`--repo=file://${upstream.bare}`, '--ref=main', `--root=${root}`, '--link=link', '--period=1h'];
  if (into) args.push(`--into=${target}`, '--revision-file=.revision');
  const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', TMPDIR: directory };
  const child: ChildProcess = spawn(PROGRAM, [...args, '--sync-on-signal=HUP'], { env, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  const measures: Measure[] = [];
  try {
    await until('the first commit is there', () => existsSync(join(root, 'link')));
    await settle(pid);
    // The first update makes the spare.
    for (let times = 0; times <= ROUNDS; times += 1) {
      round += 1;
      const oid = change(upstream, round);
      const before = usageOf(pid);
      const start = performance.now();
      child.kill('SIGHUP');
      await until('the commit is there', () => shown(join(root, 'link')) === oid);
      const wallMs = performance.now() - start;
      await settle(pid);
      const after = usageOf(pid);
      if (times > 0) measures.push({ wallMs, cpuMs: after.cpuMs - before.cpuMs, bytes: after.bytes - before.bytes });
      if (into && readFileSync(join(target, '.revision'), 'utf8').trim() !== oid) throw new Error('it is not there');
    }
  } finally {
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
    rmSync(directory, { recursive: true, force: true });
  }
  return measures;
}

/** Resolves when the process has used no processor time for a while. */
async function settle(pid: number): Promise<void> {
  for (let last = -1, calm = 0; calm < 3; ) {
    await delay(200);
    const { cpuMs } = usageOf(pid);
    calm = cpuMs === last ? calm + 1 : 0;
    last = cpuMs;
  }
}

function measureRsync(upstream: Upstream, home: string): Measure[] | undefined {
  try {
    execFileSync('rsync', ['--version'], { stdio: 'ignore' });
  } catch {
    process.stdout.write('skipped: rsync is not installed, so there is no row for it\n');
    return undefined;
  }
  const directory = mkdtempSync(join(home, 'rsync-'));
  const target = join(directory, 'target');
  mkdirSync(target);
  const line = [
    'set -e',
    `git clone -q --depth=1 --branch=main file://${upstream.bare} ${directory}/fresh`,
    `rsync -a --delete --exclude=/.git ${directory}/fresh/ ${target}/`,
    'cat /proc/$$/io /proc/$$/stat',
  ].join('\n');
  const measures: Measure[] = [];
  for (let times = 0; times <= ROUNDS; times += 1) {
    round += 1;
    change(upstream, round);
    const start = performance.now();
    const out = execFileSync('sh', ['-c', line], { env: GIT_ENV }).toString();
    const wallMs = performance.now() - start;
    const [io = '', stat = ''] = out.split(/\n(?=\d+ \()/);
    if (times > 0) measures.push({ wallMs, ...parseUsage(`${io}\n`, stat) });
    rmSync(join(directory, 'fresh'), { recursive: true });
  }
  rmSync(directory, { recursive: true, force: true });
  return measures;
}

function row(name: string, measures: readonly Measure[]): string[] {
  const of = (read: (measure: Measure) => number): number => median(measures.map(read));
  return [
    name,
    ms(of(({ wallMs }) => wallMs)),
    ms(of(({ cpuMs }) => cpuMs)),
    (of(({ bytes }) => bytes) / MEBIBYTE).toFixed(1),
  ];
}

export async function benchInto(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-into-'));
  try {
    const upstream = largeRepository(home, FILES);
    const rows = [
      row('the link', await measureSync(upstream, home, false)),
      row('`--into`', await measureSync(upstream, home, true)),
    ];
    const rsync = measureRsync(upstream, home);
    if (rsync) rows.push(row('`git clone --depth=1`, then `rsync -a --delete`', rsync));
    return [
      '## Into a directory',
      `One of ${FILES.toLocaleString('en')} files changes; medians of ${ROUNDS} updates on the disk of the temporary directory. The time is from the signal until the link is switched, which with \`--into\` is after the directory was brought to the commit. Processor time and bytes are those of the process and its children until they are at rest again, the making of the next spare included; bytes are those given to write(2), git’s index included.`,
      table(['', 'ms', 'CPU, ms', 'MiB written'], rows),
    ].join('\n\n');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
