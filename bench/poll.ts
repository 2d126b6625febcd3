// Idle polls: requests, server CPU and client CPU, against the commands that git-sync v4.7.1 runs and git ls-remote;
// start to first publish; memory. All in one run on one machine; medians and ratios.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startNginx } from '../test/peers/nginx.ts';
import { startSshd } from '../test/peers/sshd.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';
import { gitSyncPoll, largeRepository, tinyRepository } from './repositories.ts';
import { median, ms, table } from './statistics.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const POLLS = Number(process.env.BENCH_POLLS ?? 20);
const FILES = Number(process.env.BENCH_FILES ?? 50_000);
const PERIOD_MS = 100;
const PROGRAM = resolve('dist/git-sync.cjs');

interface Place {
  readonly name: string;
  readonly url: string;
  readonly env: Record<string, string>;
  readonly args: readonly string[];
  readonly requests: () => number;
}

interface Cost {
  readonly requests: number;
  readonly serverMs: number;
  readonly clientMs: number;
}

const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-'));
const serverGroup = createControlGroup('server');
const baseEnv: Record<string, string> = {
  PATH: process.env.PATH ?? '',
  HOME: directory,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
};
let groups = 0;

function startIn(group: ControlGroup, args: readonly string[], env: Record<string, string>): ChildProcess {
  const [file = '', ...rest] = [...group.prefix, ...args];
  return spawn(file, rest, { env: { ...baseEnv, ...env }, stdio: 'ignore' });
}

async function published(link: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!existsSync(link)) {
    if (performance.now() > deadline) throw new Error(`${link} was not published`);
    await delay(2);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}

/** Runs `work` and gives what it cost, divided by `polls()`. */
async function costOf(group: ControlGroup, place: Place, work: () => Promise<number>): Promise<Cost> {
  const before = [place.requests(), serverGroup.cpuMs(), group.cpuMs()] as const;
  const polls = await work();
  const [requests, server, client] = [place.requests(), serverGroup.cpuMs(), group.cpuMs()];
  return {
    requests: (requests - before[0]) / polls,
    serverMs: (server - before[1]) / polls,
    clientMs: (client - before[2]) / polls,
  };
}

function newGroup(): ControlGroup {
  groups += 1;
  return createControlGroup(`client-${groups}`);
}

/** Our own idle polls; their number is read from the access log or counted from the metrics. */
async function ours(place: Place): Promise<Cost> {
  const root = mkdtempSync(join(directory, 'root-'));
  const group = newGroup();
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const args = [
    PROGRAM,
    `--repo=${place.url}`,
    `--root=${root}`,
    '--link=link',
    `--period=${PERIOD_MS}ms`,
    `--http-bind=127.0.0.1:${port}`,
    '--http-metrics',
    '--verify-period=0',
    ...place.args,
  ];
  const child = startIn(group, args, place.env);
  await published(join(root, 'link'));
  const polls = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/git_sync_count_total\{status="noop"\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  await delay(1500);
  const first = await polls();
  const cost = await costOf(group, place, async () => {
    await delay(POLLS * PERIOD_MS);
    return (await polls()) - first;
  });
  await stop(child);
  group.remove();
  rmSync(root, { recursive: true });
  return cost;
}

/** A shell script, run once a poll. */
async function looped(place: Place, prepare: (root: string) => string): Promise<Cost> {
  const root = mkdtempSync(join(directory, 'root-'));
  const script = join(root, '..', `poll-${groups}.sh`);
  writeFileSync(script, prepare(root));
  const group = newGroup();
  const once = async (): Promise<void> => {
    const child = startIn(group, ['/bin/sh', script], {
      ...place.env,
      GIT_CONFIG_GLOBAL: join(directory, 'gitconfig'),
    });
    await new Promise((done) => child.once('exit', done));
  };
  await once();
  const count = Math.max(3, Math.round(POLLS / 4));
  const cost = await costOf(group, place, async () => {
    for (let times = 0; times < count; times += 1) await once();
    return count;
  });
  group.remove();
  rmSync(root, { recursive: true });
  return cost;
}

/** A root in sync, made by our own program: it has git-sync v4's layout. */
function syncedRoot(place: Place, root: string): void {
  execFileSync(
    process.execPath,
    [PROGRAM, `--repo=${place.url}`, `--root=${root}`, '--link=link', '--one-time', ...place.args],
    { env: { ...baseEnv, ...place.env }, stdio: 'ignore' },
  );
}

async function comparePolls(place: Place): Promise<string[]> {
  const found: Record<'ours' | 'gitSync' | 'lsRemote', Cost[]> = { ours: [], gitSync: [], lsRemote: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    found.ours.push(await ours(place));
    found.lsRemote.push(await looped(place, () => `git ls-remote -q ${place.url} HEAD`));
    found.gitSync.push(
      await looped(place, (root) => {
        syncedRoot(place, root);
        return gitSyncPoll(root, place.url);
      }),
    );
    process.stderr.write(`${place.name}: round ${round + 1} of ${ROUNDS}\n`);
  }
  const middle = (costs: readonly Cost[], key: keyof Cost): number => median(costs.map((cost) => cost[key]));
  const [server, client] = (['serverMs', 'clientMs'] as const).map((key) => {
    const [mine, sync, remote] = [middle(found.ours, key), middle(found.gitSync, key), middle(found.lsRemote, key)];
    return `${ms(mine)} / ${ms(sync)} / ${ms(remote)} (1 : ${(sync / mine).toFixed(1)} : ${(remote / mine).toFixed(1)})`;
  });
  const requests = place.url.startsWith('https')
    ? (['ours', 'gitSync', 'lsRemote'] as const).map((key) => middle(found[key], 'requests').toFixed(1)).join(' / ')
    : '–';
  return [place.name, requests, server ?? '', client ?? ''];
}

/** Milliseconds from starting the process to the link being there. */
async function startToPublish(
  place: Place,
  command: (root: string) => readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  const root = mkdtempSync(join(directory, 'root-'));
  const group = newGroup();
  const before = performance.now();
  const child = startIn(group, command(root), { ...place.env, ...env });
  await published(join(root, 'link'));
  const took = performance.now() - before;
  if (child.exitCode === null) await stop(child).catch(() => undefined);
  group.remove();
  rmSync(root, { recursive: true });
  return took;
}

/** The git commands of git-sync v4.7.1's first sync (compat.md 3), without the time its own process takes to start. */
function gitSyncStart(root: string, url: string): readonly string[] {
  const script = [
    'set -e',
    `cd ${root}`,
    'git version',
    'git config --global gc.autoDetach false',
    'git config --global gc.pruneExpire now',
    'git config --global bench.helper cache',
    'git config --global core.askPass true',
    "git config --global safe.directory '*'",
    'git init -q -b git-sync',
    `git remote add origin ${url}`,
    `git fetch ${url} HEAD --verbose --no-progress --prune --no-auto-gc --depth 1`,
    'H=$(git rev-parse "FETCH_HEAD^{}")',
    'git reset -q --soft $H',
    'git worktree add -q --force --detach --no-checkout .worktrees/$H $H',
    'cd .worktrees/$H',
    'git reset -q --hard $H --',
    'git submodule -q update --init --recursive --depth 1',
    'git rev-parse HEAD',
    'git fsck --no-progress --connectivity-only',
    'cd ../..',
    'ln -s .worktrees/$H tmp-link',
    'mv -T tmp-link link',
  ];
  return ['/bin/sh', '-c', script.join('\n')];
}

async function startTimes(place: Place): Promise<string[][]> {
  const own: number[] = [];
  const sync: number[] = [];
  for (let round = 0; round < ROUNDS * 2; round += 1) {
    own.push(
      await startToPublish(place, (root) => [
        PROGRAM,
        `--repo=${place.url}`,
        `--root=${root}`,
        '--link=link',
        ...place.args,
      ]),
    );
    sync.push(
      await startToPublish(place, (root) => gitSyncStart(root, place.url), {
        GIT_CONFIG_GLOBAL: join(directory, `gitconfig-${round}`),
        GIT_SSL_CAINFO: place.env.GIT_SSL_CAINFO ?? '',
      }),
    );
  }
  return [[place.name, ms(median(own)), ms(median(sync))]];
}

/** Memory of the whole tree: while idle, and its peak over the first sync and some updates. */
async function memory(place: Place, change: (round: number) => void): Promise<string[]> {
  const root = mkdtempSync(join(directory, 'root-'));
  const group = newGroup();
  const child = startIn(
    group,
    [PROGRAM, `--repo=${place.url}`, `--root=${root}`, '--link=link', `--period=${PERIOD_MS}ms`, ...place.args],
    place.env,
  );
  let peak = 0;
  const sampler = setInterval(() => {
    peak = Math.max(peak, group.residentBytes());
  }, 10);
  await published(join(root, 'link'));
  for (let round = 0; round < 3; round += 1) {
    const before = readlinkSync(join(root, 'link'));
    change(round);
    while (readlinkSync(join(root, 'link')) === before) await delay(10);
  }
  await delay(15_000);
  clearInterval(sampler);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const value = (name: string): string =>
    (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024).toFixed(1);
  await stop(child);
  group.remove();
  rmSync(root, { recursive: true });
  return [place.name, value('RssAnon'), value('VmRSS'), (peak / 1024 / 1024).toFixed(0)];
}

export async function benchPoll(): Promise<string> {
  const projects = join(directory, 'srv');
  const tiny = tinyRepository(projects);
  const large = largeRepository(projects, FILES);
  const web = await startNginx(
    join(directory, 'nginx'),
    { projectRoot: projects, tls: true, users: { bench: 'secret' } },
    serverGroup.prefix,
  );
  const shell = await startSshd(join(directory, 'ssh'), serverGroup.prefix);
  writeFileSync(
    join(directory, 'gitconfig'),
    '[safe]\n\tdirectory = *\n[credential]\n\thelper = "!f() { echo username=bench; echo password=secret; }; f"\n',
  );
  for (let round = 0; round < ROUNDS * 2; round += 1)
    writeFileSync(join(directory, `gitconfig-${round}`), readFileSync(join(directory, 'gitconfig')));
  const lines = (): number => readFileSync(web.accessLog, 'utf8').split('\n').length - 1;
  const https = (name: string, path: string): Place => ({
    name,
    url: `${web.url}/${path}`,
    requests: lines,
    args: [],
    env: { GIT_SSL_CAINFO: web.caFile, GITSYNC_USERNAME: 'bench', GITSYNC_PASSWORD: 'secret' },
  });
  const ssh = (name: string, path: string): Place => ({
    name,
    url: `ssh://${userInfo().username}@127.0.0.1:${shell.port}${projects}/${path}`,
    requests: () => 0,
    args: [`--ssh-key-file=${shell.keyFile}`, `--ssh-known-hosts-file=${shell.knownHostsFile}`],
    env: { GIT_SSH_COMMAND: `ssh -i '${shell.keyFile}' -o UserKnownHostsFile='"${shell.knownHostsFile}"'` },
  });
  const tinyWeb = https('HTTPS, 3 files', 'tiny.git');
  const largeWeb = https(`HTTPS, ${FILES} files`, `files-${FILES}.git`);
  try {
    const polls = [];
    for (const place of [tinyWeb, largeWeb, ssh('ssh, 3 files', 'tiny.git')]) polls.push(await comparePolls(place));
    const starts = await startTimes(tinyWeb);
    const sizes = [
      await memory(tinyWeb, (round) => void tiny.commit({ round: String(round) })),
      await memory(largeWeb, (round) => void large.commit({ round: String(round) })),
    ];
    return [
      '## Idle polls',
      `Cost of one idle poll: git-sidecar / the commands of git-sync v4.7.1 / \`git ls-remote\`; in brackets the ratio. Medians of ${ROUNDS} rounds of ${POLLS} polls; CPU in milliseconds of all processes of a side, read from its control group. Server: nginx + fcgiwrap + git-http-backend with basic auth, or sshd.`,
      table(['remote', 'requests', 'server CPU, ms', 'client CPU, ms'], polls),
      '## Start to first publish',
      `Milliseconds from process start until the link is there, median of ${ROUNDS * 2}. git-sync: its git commands alone, run by a shell, without the start of its own process.`,
      table(['remote', 'git-sidecar', 'git-sync v4.7.1’s commands'], starts),
      '## Memory',
      `MiB of the sidecar’s process while idle, and the peak of the whole process tree (PSS, sampled every 10 ms) over the first sync and three updates.`,
      table(['remote', 'idle, anonymous', 'idle, resident', 'peak, whole tree'], sizes),
    ].join('\n\n');
  } finally {
    await Promise.all([web.stop(), shell.stop()]);
    serverGroup.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
