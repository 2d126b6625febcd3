// From the moment a change is seen to the moment it is published: trees of several sizes, few and many files changed,
// in memory and on a disk; against a loop of `git fetch` and `git worktree add`. All in one run; medians.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GIT_ENV, git } from '../test/kit/upstream.ts';
import { startNginx } from '../test/peers/nginx.ts';
import type { Conditions } from './conditions.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';
import { comparedWith, type GitSyncBinary } from './git-sync.ts';
import { renderBars } from './plot.ts';
import { largeRepository } from './repositories.ts';
import { size, sizes } from './size.ts';
import { median, ms, table } from './statistics.ts';

const ROUNDS = size('BENCH_ROUNDS', { full: 3, smoke: 1 });
const SIZES = sizes('BENCH_SIZES', { full: [1000, 10_000, 50_000], smoke: [200] });
/** `1`, `100` and `all`: how many files a push changes. */
const CHANGED = (process.env.BENCH_CHANGED ?? '1,100,all').split(',');
const PLACES = (process.env.BENCH_PLACES ?? 'tmpfs,disk').split(',');
/** More options for git-sidecar, to compare: `--spare=never`. */
const MORE = (process.env.BENCH_ARGS ?? '').split(' ').filter(Boolean);
const PROGRAM = resolve('dist/git-sync.cjs');
const IMAGE_GIB = 8;

/** Where the roots are: each with a way to tell how many bytes reached the disk. */
interface Place {
  readonly name: string;
  readonly directory: string;
  bytesWritten(): number | undefined;
  remove(): void;
}

interface Measure {
  readonly publishMs: number;
  readonly cpuMs: number;
  readonly mib: number | undefined;
  readonly peakMib: number;
}

function inMemory(): Place {
  const directory = mkdtempSync('/dev/shm/git-sidecar-bench-');
  return {
    name: 'tmpfs',
    directory,
    bytesWritten: () => undefined,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** An ext4 of its own on a loop device: its counter holds nobody else's writes, and it is gone in an instant. */
function onDisk(): Place {
  const home = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-disk-'));
  const [image, directory] = [join(home, 'image'), join(home, 'mounted')];
  mkdirSync(directory);
  execFileSync('truncate', ['-s', `${IMAGE_GIB}G`, image]);
  execFileSync('mkfs.ext4', ['-q', '-N', '1500000', image]);
  execFileSync('mount', ['-o', 'loop', image, directory]);
  const device = basename(execFileSync('findmnt', ['-n', '-o', 'SOURCE', directory]).toString().trim());
  return {
    name: 'disk',
    directory,
    bytesWritten: () => {
      execFileSync('sync', ['-f', directory]);
      return Number(readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/)[6]) * 512;
    },
    remove: () => {
      execFileSync('umount', [directory]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Pushes a commit that changes `count` of the files. */
function change(bare: string, files: number, count: number, round: number): string {
  const lines = ['commit refs/heads/main', `committer C <c@example.com> ${1_700_000_100 + round} +0000`];
  lines.push(`data ${String(round).length}`, String(round), 'from refs/heads/main^0');
  for (let index = 0; index < count; index += 1) {
    const at = Math.floor((index * files) / count);
    const text = `round ${round} file ${at}\n${'lorem ipsum '.repeat(at % 40)}\n`;
    lines.push(`M 100644 inline d${Math.floor(at / 100)}/f${at}`, `data ${Buffer.byteLength(text)}`, text);
  }
  execFileSync('git', ['fast-import', '--quiet'], { cwd: bare, env: GIT_ENV, input: `${lines.join('\n')}\n` });
  return git(bare, 'rev-parse', 'main');
}

async function until<T>(probe: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const value = probe();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error('it took too long');
    await delay(5);
  }
}

const ENV = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', TMPDIR: tmpdir() };

interface Case {
  readonly place: Place;
  readonly url: string;
  readonly bare: string;
  readonly files: number;
  readonly count: number;
}

let lastNumber = 0;

/** Numbers commits and control groups, so that none is like another. */
function nextNumber(): number {
  lastNumber += 1;
  return lastNumber;
}

/** Watches the memory of a group until `stop` is called; gives the peak in bytes. */
function watchMemory(group: ControlGroup, active: boolean): () => number {
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, group.residentBytes());
  };
  const timer = active ? setInterval(look, 15) : undefined;
  return () => {
    clearInterval(timer);
    return peak;
  };
}

/** Garbage is collected behind the rest, and counts. */
async function untilQuiet(group: ControlGroup): Promise<void> {
  for (let last = -1, still = 0; still < 3; ) {
    await delay(50);
    const now = group.cpuMs();
    still = now - last < 0.5 ? still + 1 : 0;
    last = now;
  }
}

async function ours({ place, url, bare, files, count }: Case): Promise<Measure[]> {
  const root = mkdtempSync(join(place.directory, 'root-'));
  const log = join(tmpdir(), `git-sidecar-bench-${process.pid}.log`);
  writeFileSync(log, '');
  const group = createControlGroup(`update-${nextNumber()}`);
  const [file = '', ...args] = [
    ...group.prefix,
    ...['/bin/sh', '-c', 'exec "$@" 2> "$LOG"', 'sh', PROGRAM],
    ...[
      `--repo=${url}`,
      `--root=${root}`,
      '--link=link',
      '--ref=main',
      '--period=1h',
      '--sync-on-signal=HUP',
      '-v=1',
      ...MORE,
    ],
  ];
  const child: ChildProcess = spawn(file, args, { env: { ...ENV, LOG: log }, stdio: 'ignore' });
  const lines = (message: string): { hash?: string; ms?: number }[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as { hash?: string; ms?: number });
  const measures: Measure[] = [];
  try {
    await until(() => (existsSync(join(root, 'link')) ? true : undefined));
    // The first update has no spare yet.
    for (let round = -1; round < ROUNDS; round += 1) {
      const gone = lines('removed a stale worktree').length;
      const oid = change(bare, files, count, nextNumber());
      const [cpu, bytes] = [group.cpuMs(), place.bytesWritten()];
      const memory = watchMemory(group, round === ROUNDS - 1);
      child.kill('SIGHUP');
      const published = await until(() => lines('published').find(({ hash }) => hash === oid));
      await until(() => (lines('removed a stale worktree').length > gone ? true : undefined));
      const peak = memory();
      await untilQuiet(group);
      const after = place.bytesWritten();
      if (round < 0) continue;
      measures.push({
        publishMs: published.ms ?? 0,
        cpuMs: group.cpuMs() - cpu,
        mib: after === undefined || bytes === undefined ? undefined : (after - bytes) / 2 ** 20,
        peakMib: peak / 2 ** 20,
      });
    }
  } finally {
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
    group.remove();
    rmSync(root, { recursive: true, force: true });
    rmSync(log);
  }
  return measures;
}

/** What git-sync does for a change, in its shortest form: fetch, a whole new worktree, the link, the old tree goes. */
async function baseline({ place, url, bare, files, count }: Case): Promise<Measure[]> {
  const root = mkdtempSync(join(place.directory, 'root-'));
  const group = createControlGroup(`baseline-${nextNumber()}`);
  const env = { ...ENV, GIT_CONFIG_GLOBAL: '/dev/null', ROOT: root, URL: url };
  const shell = async (script: string): Promise<void> => {
    const [file = '', ...args] = [...group.prefix, '/bin/sh', '-ec', `cd "$ROOT"\n${script}`];
    const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    await new Promise((done) => child.once('exit', done));
  };
  const update = `git fetch -q --depth=1 --no-auto-gc "$URL" main
    H=$(git rev-parse FETCH_HEAD)
    git worktree add -q --force --detach .worktrees/$H FETCH_HEAD
    readlink link > old 2> /dev/null || : > old
    ln -s .worktrees/$H tmp-link
    mv -T tmp-link link`;
  const cleanUp = 'rm -rf "$(cat old)"; git worktree prune';
  const measures: Measure[] = [];
  await shell(`git init -q\n${update}`);
  for (let round = 0; round < ROUNDS; round += 1) {
    change(bare, files, count, nextNumber());
    const [cpu, bytes] = [group.cpuMs(), place.bytesWritten()];
    const memory = watchMemory(group, round === ROUNDS - 1);
    const before = performance.now();
    await shell(update);
    const publishMs = performance.now() - before;
    await shell(cleanUp);
    const peak = memory();
    const after = place.bytesWritten();
    measures.push({
      publishMs,
      cpuMs: group.cpuMs() - cpu,
      mib: after === undefined || bytes === undefined ? undefined : (after - bytes) / 2 ** 20,
      peakMib: peak / 2 ** 20,
    });
  }
  group.remove();
  rmSync(root, { recursive: true, force: true });
  return measures;
}

/** A git-sync program, from the signal that starts a sync until the link is switched: its fetch is its poll. */
async function binary({ path }: GitSyncBinary, { place, url, bare, files, count }: Case): Promise<Measure[]> {
  const root = mkdtempSync(join(place.directory, 'root-'));
  const group = createControlGroup(`git-sync-${nextNumber()}`);
  const [file = '', ...args] = [
    ...[...group.prefix, path, `--repo=${url}`, `--root=${root}`, '--link=link', '--ref=main', '--period=1h'],
    '--sync-on-signal=SIGHUP',
  ];
  // It keeps its settings in a file of the temporary directory.
  const child = spawn(file, args, { env: { ...ENV, HOME: root, TMPDIR: root }, stdio: 'ignore' });
  const link = join(root, 'link');
  const measures: Measure[] = [];
  try {
    await until(() => (existsSync(link) ? true : undefined));
    await delay(500);
    for (let round = 0; round < ROUNDS; round += 1) {
      const stale = readlinkSync(link);
      change(bare, files, count, nextNumber());
      const [cpu, bytes] = [group.cpuMs(), place.bytesWritten()];
      const memory = watchMemory(group, round === ROUNDS - 1);
      const before = performance.now();
      child.kill('SIGHUP');
      await until(() => (readlinkSync(link) === stale ? undefined : true));
      const publishMs = performance.now() - before;
      await until(() => (existsSync(join(root, stale)) ? undefined : true));
      await delay(150);
      const peak = memory();
      const after = place.bytesWritten();
      measures.push({
        publishMs,
        cpuMs: group.cpuMs() - cpu,
        mib: after === undefined || bytes === undefined ? undefined : (after - bytes) / 2 ** 20,
        peakMib: peak / 2 ** 20,
      });
    }
  } finally {
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
    group.endAll();
    group.remove();
    rmSync(root, { recursive: true, force: true });
  }
  return measures;
}

interface Row {
  readonly place: string;
  readonly files: number;
  readonly changed: string;
  readonly ours: Measure;
  readonly baseline: Measure;
  /** Of the git-sync program, where one is given. */
  readonly binary: Measure | undefined;
}

function middle(measures: readonly Measure[]): Measure {
  const of = (pick: (measure: Measure) => number): number => median(measures.map(pick));
  return {
    publishMs: of(({ publishMs }) => publishMs),
    cpuMs: of(({ cpuMs }) => cpuMs),
    mib: measures[0]?.mib === undefined ? undefined : of(({ mib }) => mib ?? 0),
    peakMib: Math.max(...measures.map(({ peakMib }) => peakMib)),
  };
}

/** Ours, then the others, and the ratios. */
function compared(own: number, ...others: readonly number[]): string {
  const ratios = others.map((other) => (other / own).toFixed(1));
  return `${[own, ...others].map(ms).join(' / ')} (1 : ${ratios.join(' : ')})`;
}

function cellsOf({ place, files, changed, ours: own, baseline: other, binary: program }: Row): string[] {
  const all = [own, ...(program ? [program] : []), other];
  const times = (pick: (measure: Measure) => number): string => compared(pick(own), ...all.slice(1).map(pick));
  return [
    ...[place, `${files}`, changed, times(({ publishMs }) => publishMs), times(({ cpuMs }) => cpuMs)],
    own.mib === undefined ? '–' : all.map(({ mib = 0 }) => mib.toFixed(1)).join(' / '),
    all.map(({ peakMib }) => peakMib.toFixed(0)).join(' / '),
  ];
}

function plotOf(rows: readonly Row[], place: string, gitSync: GitSyncBinary | undefined): string {
  const here = rows.filter((row) => row.place === place);
  const program = here.flatMap((row) => (row.binary ? [row.binary.publishMs] : []));
  return renderBars({
    title: `From a change seen to a change published (${place})`,
    unit: 'ms',
    categories: here.map(({ files, changed }) => `${files / 1000}k files\n${changed} changed`),
    series: [
      { name: 'git-sidecar', values: here.map((row) => row.ours.publishMs) },
      ...(gitSync ? [{ name: gitSync.name, values: program }] : []),
      { name: 'git fetch + git worktree add', values: here.map((row) => row.baseline.publishMs) },
    ],
  });
}

export async function benchUpdate({ gitSync, output }: Conditions): Promise<string> {
  const projects = mkdtempSync('/dev/shm/git-sidecar-bench-srv-');
  const serverGroup = createControlGroup('update-server');
  const web = await startNginx(join(projects, 'nginx'), { projectRoot: projects }, serverGroup.prefix);
  const places = PLACES.map((name) => (name === 'disk' ? onDisk() : inMemory()));
  const rows: Row[] = [];
  try {
    for (const files of SIZES) {
      const upstream = largeRepository(projects, files);
      rmSync(upstream.work, { recursive: true, force: true });
      for (const place of places) {
        for (const changed of CHANGED) {
          const count = changed === 'all' ? files : Number(changed);
          const it = { place, url: `${web.url}/files-${files}.git`, bare: upstream.bare, files, count };
          const [own, other] = [middle(await ours(it)), middle(await baseline(it))];
          const program = gitSync && middle(await binary(gitSync, it));
          rows.push({
            place: place.name,
            files,
            changed,
            ours: own,
            baseline: other,
            binary: program,
          });
          process.stderr.write(
            `${place.name}, ${files} files, ${count} changed: ${ms(own.publishMs)} / ${ms(other.publishMs)} ms\n`,
          );
        }
      }
      rmSync(upstream.bare, { recursive: true, force: true });
    }
  } finally {
    await web.stop();
    for (const place of places) place.remove();
    rmSync(projects, { recursive: true, force: true });
    serverGroup.remove();
  }
  for (const { name } of places)
    writeFileSync(join(output, `performance-update-${name}.svg`), plotOf(rows, name, gitSync));
  const names = ['git-sidecar', ...(gitSync ? [gitSync.name] : []), 'the loop'].join(' / ');
  return [
    '## Updates',
    `From the poll that sees a change until the link is switched, over HTTP; medians of ${ROUNDS}. ${comparedWith(gitSync)} Here the loop is \`git fetch --depth=1\` and \`git worktree add\`, the shortest form of what git-sync does${gitSync ? ', and the time of the program is that from a signal until the link is switched, since its fetch is its poll' : ''}. ${names}; in brackets the ratio. CPU of all processes of the client, everything counted that follows the publish: making the spare where one is kept, removing the old tree, and collecting garbage, which the other side never does. Written: bytes that reached the disk (an ext4 of its own), the same. Peak: memory of the whole process tree.`,
    ...places.map(({ name }) => `![Update times, ${name}](performance-update-${name}.svg)`),
    table(['where', 'files', 'changed', 'time, ms', 'CPU, ms', 'written, MiB', 'peak, MiB'], rows.map(cellsOf)),
  ].join('\n\n');
}
