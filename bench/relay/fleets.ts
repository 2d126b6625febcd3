import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../src/platform/clock.ts';
import { listRefs } from '../../src/poll/http-poll.ts';
import { allRefs } from '../../src/poll/read-refs.ts';
import { SseFeed } from '../../src/relay/client/sse-feed.ts';
import { readHttpSettings } from '../../src/remote/http-settings.ts';
import { UploadPack } from '../../src/remote/upload-pack.ts';
import { silentLog } from '../../test/kit/silent-log.ts';
import { until } from '../../test/peers/wait.ts';
import { renderLines } from '../plot.ts';
import { gitSyncPoll } from '../repositories.ts';
import { sizes } from '../size.ts';
import { table } from '../statistics.ts';
import { requestsOf, type Scene, startRelay, WINDOW_MS } from './scene.ts';

const execute = promisify(execFile);
const FLEETS = sizes('BENCH_FLEETS', { full: [5, 50, 500], smoke: [2, 6] });
/** More would only show that this machine has two cores. */
const MOST_GIT_SYNC_LOOPS = 5;

/** As git has it without any settings. */
const PLAIN = readHttpSettings(new URL('http://127.0.0.1'), [], {});

interface Load {
  /** Of one core, in per cent. */
  readonly cpu: number;
  readonly requestsPerSecond: number;
  readonly pollsPerSecond: number;
}

/** What the git server does for `polls` while the window lasts. */
async function measure({ web, server }: Scene, polls: () => number): Promise<Load> {
  const before = [server.cpuMs(), requestsOf(web).length, polls(), performance.now()] as const;
  await delay(WINDOW_MS);
  const elapsed = performance.now() - before[3];
  return {
    cpu: ((server.cpuMs() - before[0]) / elapsed) * 100,
    requestsPerSecond: ((requestsOf(web).length - before[1]) / elapsed) * 1000,
    pollsPerSecond: ((polls() - before[2]) / elapsed) * 1000,
  };
}

/** Repeats `work` once a second, as followers that were started at different moments do. */
function everySecond(
  count: number,
  work: (index: number) => Promise<void>,
): { polls: () => number; stop: () => Promise<void> } {
  let polls = 0;
  let isStopped = false;
  const loops = Array.from({ length: count }, async (_, index) => {
    await delay((index / count) * 1000);
    while (!isStopped) {
      const before = performance.now();
      // A server that is overrun refuses some; those are no polls.
      await work(index).then(
        () => {
          polls += 1;
        },
        () => undefined,
      );
      await delay(Math.max(0, 1000 - (performance.now() - before)));
    }
  });
  return {
    polls: () => polls,
    stop: async () => {
      isStopped = true;
      await Promise.all(loops);
    },
  };
}

/** The git commands of git-sync v4.7.1’s poll, in a root of its own for each follower. */
async function gitSyncLoops(scene: Scene, count: number): Promise<Load> {
  const { directory, url } = scene;
  const env = { PATH: process.env.PATH ?? '', HOME: directory, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' };
  const scripts: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const root = join(directory, `loop-${index}`);
    const args = [resolve('dist/git-sync.cjs'), `--repo=${url}`, `--root=${root}`, '--link=link', '--one-time'];
    execFileSync(process.execPath, args, { env, stdio: 'ignore' });
    const script = join(directory, `loop-${index}.sh`);
    writeFileSync(script, gitSyncPoll(root, url));
    scripts.push(script);
  }
  const loops = everySecond(count, async (index) => void (await execute('/bin/sh', [scripts[index] ?? ''], { env })));
  await delay(1500);
  const load = await measure(scene, loops.polls);
  await loops.stop();
  return load;
}

/** Our own poll, with a connection for each follower. */
async function ownPolls(scene: Scene, count: number): Promise<Load> {
  const signal = new AbortController().signal;
  const remotes = Array.from({ length: count }, () => {
    return new UploadPack({ url: scene.url, settings: PLAIN, agent: 'bench', now: Date.now });
  });
  const loops = everySecond(count, async (index) => {
    const remote = remotes[index];
    if (remote) await listRefs(remote, ['HEAD'], [], signal, allRefs);
  });
  await delay(3000);
  const load = await measure(scene, loops.polls);
  await loops.stop();
  for (const remote of remotes) remote.close();
  return load;
}

/** Followers of a relay that polls once a second, or gets a webhook. */
async function throughRelay(scene: Scene, count: number, period: string): Promise<Load> {
  const relay = await startRelay(scene, period);
  const feeds = Array.from({ length: count }, () => {
    return new SseFeed({
      url: relay.url,
      repository: scene.name,
      wanted: { names: ['HEAD'], newest: undefined },
      settings: PLAIN,
      token: async () => undefined,
      report: () => undefined,
      agent: 'bench',
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
  });
  await until('all of them follow', () => feeds.every(({ told }) => told !== undefined), 60_000);
  await delay(1500);
  const load = await measure(scene, () => 0);
  for (const feed of feeds) feed.close();
  await relay.stop();
  return load;
}

export async function benchFleets(scene: Scene): Promise<string> {
  const rows: string[][] = [];
  const lines: Record<string, number[]> = {
    'git-sync’s commands': [],
    'sync alone': [],
    'behind a relay': [],
    push: [],
  };
  const add = (line: string, value: number): void => void lines[line]?.push(Math.max(value, 0.01));
  let perPoll: { readonly cpu: number; readonly requests: number } | undefined;
  for (const count of FLEETS) {
    const cells = [`${count}`];
    const isMeasured = count <= MOST_GIT_SYNC_LOOPS;
    if (isMeasured) {
      const { cpu, requestsPerSecond, pollsPerSecond } = await gitSyncLoops(scene, count);
      perPoll = { cpu: cpu / pollsPerSecond, requests: requestsPerSecond / pollsPerSecond };
      process.stderr.write(`git-sync: ${pollsPerSecond.toFixed(1)} polls/s\n`);
    }
    const needed = { cpu: (perPoll?.cpu ?? 0) * count, requests: (perPoll?.requests ?? 0) * count };
    cells.push(`${isMeasured ? '' : '(needs) '}${needed.requests.toFixed(0)} / ${needed.cpu.toFixed(0)} %`);
    add('git-sync’s commands', needed.cpu);
    const own = await ownPolls(scene, count);
    const reached = own.pollsPerSecond >= count * 0.9 ? '' : ` (reached ${own.pollsPerSecond.toFixed(0)} polls/s)`;
    cells.push(`${own.requestsPerSecond.toFixed(0)} / ${own.cpu.toFixed(1)} %${reached}`);
    add('sync alone', own.cpu);
    const behind = await throughRelay(scene, count, '1s');
    cells.push(`${behind.requestsPerSecond.toFixed(1)} / ${behind.cpu.toFixed(1)} %`);
    add('behind a relay', behind.cpu);
    const push = await throughRelay(scene, count, '1h');
    cells.push(`${push.requestsPerSecond.toFixed(1)} / ${push.cpu.toFixed(1)} %`);
    add('push', push.cpu);
    rows.push(cells);
    process.stderr.write(`fleet of ${count}: ${cells.join(' | ')}\n`);
  }
  const series = Object.entries(lines).map(([name, values]) => ({ name, values }));
  renderLines(join(scene.output, 'performance-relay.svg'), {
    title: 'CPU of the git server while a fleet follows one branch at one second',
    unit: '% of a core',
    categories: FLEETS.map(String),
    series,
  });
  return [
    '## A fleet at one second',
    `What followers of one branch cost the git server (nginx, fcgiwrap, git-http-backend; a repository of 3 files) while nothing is pushed: requests a second / CPU in per cent of one core, over ${WINDOW_MS / 1000} s. *git-sync’s commands*: ${MOST_GIT_SYNC_LOOPS} loops of what v4.7.1 runs once a second were measured; 50 and 500 of them do not fit on this machine, so what they need is computed from the cost of one poll. *sync alone*: our poll, each follower with a connection of its own. *behind a relay*: as many event streams of one relay that polls once a second. *push*: the same with a webhook and a period of an hour.`,
    '![CPU of the git server](performance-relay.svg)',
    table(['followers', 'git-sync’s commands', 'sync alone', 'behind a relay', 'push'], rows),
  ].join('\n\n');
}
