// What a container needs: the most disk at any moment, and the smallest memory limit that is enough.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGitServer } from '../src/demo/git-server.ts';
import { createProcessRunner } from '../src/platform/process.ts';
import { createMemoryGroup } from '../test/kit/memory-cgroup.ts';
import { GIT_ENV, git, Upstream } from '../test/kit/upstream.ts';
import { diskOf } from './disk.ts';
import { largeRepository } from './repositories.ts';
import { table } from './statistics.ts';

const UPDATES = Number(process.env.BENCH_ROUNDS ?? 3);
const LIMITS_MIB = [24, 32, 48, 64, 96, 128, 192, 256];
const PATIENCE_MS = 180_000;
const MEBIBYTE = 2 ** 20;

interface Subject {
  readonly name: string;
  readonly make: (directory: string) => Upstream;
  /** Files of the next commit. */
  readonly change: (upstream: Upstream, round: number) => void;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: '10,000 small files',
    make: (directory) => largeRepository(directory, 10_000),
    change: (upstream, round) => upstream.write({ 'd7/f700': `round ${round}\n`, 'd9/f900': `round ${round}\n` }),
  },
  {
    name: '3 files of 50 MB',
    make: (directory) => {
      const upstream = new Upstream(directory, 'large.git');
      for (const place of [upstream.bare, upstream.work]) git(place, 'config', 'core.compression', '0');
      for (const name of ['a', 'b', 'c']) writeFileSync(join(upstream.work, name), randomBytes(50_000_000));
      upstream.commit({});
      return upstream;
    },
    change: (upstream) => writeFileSync(join(upstream.work, 'b'), randomBytes(50_000_000)),
  },
];

interface Place {
  readonly url: string;
  readonly directory: string;
}

interface Mode {
  readonly name: string;
  readonly args: (place: Place) => readonly string[];
  /** The commit that is there, fully dealt with; undefined while there is none. */
  readonly reached: (place: Place, output: string) => string | undefined;
}

const linkOf = ({ directory }: Place): string | undefined => {
  try {
    return basename(readlinkSync(join(directory, 'root/link')));
  } catch {
    return undefined;
  }
};
const deployedOf = (_place: Place, output: string): string | undefined =>
  [...output.matchAll(/"hash":"([0-9a-f]+)","outcome":"deployed"/g)].at(-1)?.[1];
const source = ({ url, directory }: Place): string[] => [
  `--repo=${url}`,
  '--ref=main',
  `--root=${directory}/root`,
  '--link=link',
  '--period=1s',
  '--max-failures=-1',
];

const MODES: readonly Mode[] = [
  { name: 'sync', args: (place) => ['sync', ...source(place)], reached: linkOf },
  { name: 'sync --no-spare', args: (place) => ['sync', ...source(place), '--no-spare'], reached: linkOf },
  {
    name: 'run --repo',
    args: (place) => [
      'run',
      ...source(place),
      `--state=${place.directory}/state`,
      '--ready-delay=100ms',
      '--',
      'sleep',
      '1000',
    ],
    reached: deployedOf,
  },
  {
    name: 'relay',
    args: ({ url, directory }) => [
      'relay',
      `--root=${directory}/relay`,
      `--allow=${url}`,
      `--follow=${url}`,
      '--period=1s',
      '--http-bind=127.0.0.1:0',
    ],
    reached: ({ directory }) => {
      const mirrors = join(directory, 'relay/repositories');
      const [mirror] = readdirSync(mirrors, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      if (!mirror) return undefined;
      const asked = { env: GIT_ENV, cwd: join(mirrors, mirror.name), stdio: ['ignore', 'pipe', 'ignore'] as const };
      return execFileSync('git', ['rev-parse', 'refs/heads/main'], { ...asked, stdio: [...asked.stdio] })
        .toString()
        .trim();
    },
  },
];

interface Outcome {
  readonly works: boolean;
  readonly mostDisk: number;
}

/** The first sync and some updates. @param limitMib of memory for everything; undefined for no bound */
async function follow(
  mode: Mode,
  subject: Subject,
  upstream: Upstream,
  url: string,
  limitMib: number | undefined,
): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-needs-'));
  const place = { url, directory };
  const group = limitMib === undefined ? undefined : createMemoryGroup(limitMib);
  if (limitMib !== undefined && !group) throw new Error('no control groups for memory here: run the bench as root');
  const child = spawn(resolve('dist/git-sidecar.cjs'), mode.args(place), {
    env: { PATH: process.env.PATH, HOME: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  group?.add(child.pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const gone = new Promise((done) => child.once('exit', done));
  let mostDisk = 0;
  const reaches = async (oid: string): Promise<boolean> => {
    const end = performance.now() + PATIENCE_MS;
    while (performance.now() < end && child.exitCode === null && child.signalCode === null) {
      if (limitMib === undefined) mostDisk = Math.max(mostDisk, diskOf(directory));
      try {
        if (mode.reached(place, output) === oid) return true;
      } catch {
        // Nothing to ask yet.
      }
      await delay(20);
    }
    return false;
  };
  let works = await reaches(upstream.head());
  for (let round = 0; works && round < UPDATES; round += 1) {
    subject.change(upstream, Math.floor(Math.random() * 1e9));
    works = await reaches(upstream.commit({}));
    // The spare is made behind the publish.
    const settled = performance.now() + 2000;
    while (performance.now() < settled) {
      if (limitMib === undefined) mostDisk = Math.max(mostDisk, diskOf(directory));
      await delay(20);
    }
  }
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
  for (let tries = 0; group && tries < 200 && !group.isEmpty; tries += 1) await delay(50);
  group?.remove();
  rmSync(directory, { recursive: true, force: true });
  return { works, mostDisk };
}

export async function benchNeeds(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-needs-'));
  mkdirSync(home, { recursive: true });
  const server = await startGitServer({ runner: createProcessRunner(), env: GIT_ENV, projectRoot: home });
  const rows: string[][] = [];
  try {
    for (const subject of SUBJECTS) {
      const upstream = subject.make(home);
      const url = `${server.url}/${basename(upstream.bare)}`;
      const tree = diskOf(upstream.work) - diskOf(join(upstream.work, '.git'));
      for (const mode of MODES) {
        const { mostDisk } = await follow(mode, subject, upstream, url, undefined);
        let enough: number | undefined;
        for (const limit of LIMITS_MIB) {
          if (!(await follow(mode, subject, upstream, url, limit)).works) continue;
          enough = limit;
          break;
        }
        const row = [
          subject.name,
          mode.name,
          (tree / MEBIBYTE).toFixed(0),
          (mostDisk / MEBIBYTE).toFixed(0),
          (mostDisk / tree).toFixed(1),
          enough === undefined ? `more than ${LIMITS_MIB.at(-1)}` : String(enough),
        ];
        rows.push(row);
        process.stderr.write(`${row.join(' | ')}\n`);
      }
    }
  } finally {
    await server.close();
    rmSync(home, { recursive: true, force: true });
  }
  return [
    '## What a container needs',
    `The most disk at any moment (MiB on an ext4 or overlay file system, and times the checked-out files), and the smallest memory limit of those tried (${LIMITS_MIB.join(', ')} MiB) with which the first sync and ${UPDATES} updates succeed without a restart. The memory of \`run\`’s application comes on top.`,
    table(['repository', 'mode', 'files, MiB', 'most disk, MiB', '× files', 'memory limit, MiB'], rows),
  ].join('\n\n');
}
