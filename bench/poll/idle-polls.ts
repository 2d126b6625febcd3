import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../test/peers/ports.ts';
import type { ControlGroup } from '../control-group.ts';
import { comparedWith, type GitSyncBinary } from '../git-sync.ts';
import { gitSyncPoll } from '../repositories.ts';
import { size } from '../size.ts';
import { median, ms, table } from '../statistics.ts';
import { type Contender, contenders, type Place, type Scene } from './scene.ts';

const execute = promisify(execFile);
const ROUNDS = size('BENCH_ROUNDS', { full: 5, smoke: 1 });
const POLLS = size('BENCH_POLLS', { full: 20, smoke: 5 });
const PERIOD_MS = 100;
const SETTLE_MS = size('BENCH_SETTLE_MS', { full: 1500, smoke: 300 });
/** A slow poll must not be cut by the end of the window too often. */
const WINDOW_MS = 2 * POLLS * PERIOD_MS;
const PROGRAM = resolve('dist/git-sync.cjs');

/** Of one poll. */
interface Cost {
  readonly requests: number;
  readonly serverMs: number;
  readonly clientMs: number;
}

/** Runs `work` and gives what it cost, divided by the polls that it counted. */
async function costOf(scene: Scene, group: ControlGroup, place: Place, work: () => Promise<number>): Promise<Cost> {
  const read = (): [number, number, number] => [place.requests(), scene.server.cpuMs(), group.cpuMs()];
  const before = read();
  const polls = await work();
  const [requests = 0, serverMs = 0, clientMs = 0] = read().map((now, at) => (now - (before[at] ?? 0)) / polls);
  return { requests, serverMs, clientMs };
}

/** Idle polls of a program, which counts them itself. */
async function pollsOf(scene: Scene, contender: Contender, place: Place): Promise<Cost> {
  const port = await freePort();
  const more = [`--period=${PERIOD_MS}ms`, `--http-bind=127.0.0.1:${port}`, '--http-metrics', ...contender.restful];
  const client = scene.follow(contender, place, more);
  const polls = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/git_sync_count_total\{status="noop"\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  try {
    await client.published();
    await delay(SETTLE_MS);
    const first = await polls();
    return await costOf(scene, client.group, place, async () => {
      await delay(WINDOW_MS);
      return (await polls()) - first;
    });
  } finally {
    await client.end();
  }
}

/** A shell script, run once a poll. */
async function looped(scene: Scene, place: Place, prepare: (root: string) => Promise<string>): Promise<Cost> {
  const home = mkdtempSync(join(scene.directory, 'loop-'));
  const script = join(home, 'poll.sh');
  writeFileSync(script, await prepare(join(home, 'root')));
  const env = { ...scene.environment(home), ...place.env, ...place.bareEnv, GIT_CONFIG_GLOBAL: scene.settings };
  const group = scene.newGroup();
  const [file = '', ...words] = [...group.prefix, '/bin/sh', script];
  const once = async (): Promise<unknown> => await execute(file, words, { env });
  await once();
  const count = Math.max(3, Math.round(POLLS / 4));
  const cost = await costOf(scene, group, place, async () => {
    for (let times = 0; times < count; times += 1) await once();
    return count;
  });
  group.remove();
  rmSync(home, { recursive: true });
  return cost;
}

/** A root in sync, made by our own program: it has git-sync v4's layout. */
async function syncedRoot(scene: Scene, place: Place, root: string): Promise<void> {
  const args = [PROGRAM, `--repo=${place.url}`, `--root=${root}`, '--link=link', '--one-time', ...place.args];
  const env = { ...scene.environment(scene.directory), ...place.env };
  await execute(process.execPath, args, { env });
}

interface Way {
  readonly name: string;
  readonly measure: (place: Place) => Promise<Cost>;
}

function waysOf(scene: Scene, gitSync: GitSyncBinary | undefined): readonly Way[] {
  const programs = contenders(gitSync).map((contender) => ({
    name: contender.name,
    measure: async (place: Place) => await pollsOf(scene, contender, place),
  }));
  const commands = async (place: Place): Promise<Cost> =>
    await looped(scene, place, async (root) => {
      await syncedRoot(scene, place, root);
      return gitSyncPoll(root, place.url);
    });
  const lsRemote = async (place: Place): Promise<Cost> =>
    await looped(scene, place, async () => `git ls-remote -q ${place.url} HEAD`);
  return [...programs, { name: 'the loop', measure: commands }, { name: '`git ls-remote`', measure: lsRemote }];
}

async function row(ways: readonly Way[], place: Place): Promise<string[]> {
  const found = ways.map((): Cost[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [at, { measure }] of ways.entries()) found[at]?.push(await measure(place));
    process.stderr.write(`${place.name}: round ${round + 1} of ${ROUNDS}\n`);
  }
  const middles = (key: keyof Cost): number[] => found.map((costs) => median(costs.map((cost) => cost[key])));
  const times = (key: keyof Cost): string => {
    const [own = 0, ...others] = middles(key);
    const ratios = others.map((other) => (other / own).toFixed(1));
    return `${[own, ...others].map(ms).join(' / ')} (1 : ${ratios.join(' : ')})`;
  };
  const requests = place.url.startsWith('https')
    ? middles('requests')
        .map((each) => each.toFixed(1))
        .join(' / ')
    : '–';
  return [place.name, requests, times('serverMs'), times('clientMs')];
}

export async function idlePolls(
  scene: Scene,
  places: readonly Place[],
  gitSync: GitSyncBinary | undefined,
): Promise<string> {
  const ways = waysOf(scene, gitSync);
  const rows: string[][] = [];
  for (const place of places) rows.push(await row(ways, place));
  return [
    '## Idle polls',
    `Cost of one idle poll: ${ways.map(({ name }) => name).join(' / ')}; in brackets the ratio. ${comparedWith(gitSync)} Medians of ${ROUNDS} rounds of ${WINDOW_MS / 1000} s with a poll every ${PERIOD_MS} ms; CPU in milliseconds of all processes of a side, read from its control group. Server: nginx + fcgiwrap + git-http-backend with basic auth, or sshd.`,
    table(['remote', 'requests', 'server CPU, ms', 'client CPU, ms'], rows),
  ].join('\n\n');
}
