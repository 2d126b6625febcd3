// A fleet at one second: what it costs the git server when each follower polls as git-sync does, when each polls as we
// do, when they follow a relay, and when a webhook tells the relay. Then: one push to 10,000 streams, and 1,000 fetches.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../src/platform/clock.ts';
import { listRefs } from '../src/poll/http-poll.ts';
import { allRefs } from '../src/poll/read-refs.ts';
import { SseFeed } from '../src/relay/client/sse-feed.ts';
import { type RepositoryName, repositoryNameOf } from '../src/relay/protocol/repository-name.ts';
import { readHttpSettings } from '../src/remote/http-settings.ts';
import { UploadPack } from '../src/remote/upload-pack.ts';
import { silentLog } from '../test/kit/silent-log.ts';
import { GIT_ENV, Upstream } from '../test/kit/upstream.ts';
import { type Nginx, startNginx } from '../test/peers/nginx.ts';
import { freePort } from '../test/peers/ports.ts';
import { until } from '../test/peers/wait.ts';
import type { Conditions } from './conditions.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';
import { renderLines } from './plot.ts';
import { gitSyncPoll } from './repositories.ts';
import { size, sizes } from './size.ts';
import { median, ms, table } from './statistics.ts';

const execute = promisify(execFile);
const FLEETS = sizes('BENCH_FLEETS', { full: [5, 50, 500], smoke: [2, 6] });
const WINDOW_MS = size('BENCH_WINDOW_MS', { full: 10_000, smoke: 1500 });
const STREAMS = size('BENCH_STREAMS', { full: 10_000, smoke: 50 });
const STREAM_PROCESSES = 5;
const PUSHES = size('BENCH_PUSHES', { full: 10, smoke: 2 });
const FETCHES = size('BENCH_FETCHES', { full: 1000, smoke: 16 });
const DIRECT_FETCHES = size('BENCH_DIRECT_FETCHES', { full: 100, smoke: 8 });
const FETCHES_AT_ONCE = 8;
const SECRET = 'bench';
/** More would only show that this machine has two cores. */
const MOST_GIT_SYNC_LOOPS = 5;

/** As git has it without any settings. */
const PLAIN = readHttpSettings(new URL('http://127.0.0.1'), [], {});

interface Scene {
  readonly directory: string;
  /** Directory for figures. */
  readonly output: string;
  readonly upstream: Upstream;
  readonly web: Nginx;
  readonly server: ControlGroup;
  readonly url: string;
  readonly name: RepositoryName;
}

const requestsOf = ({ accessLog }: Nginx): string[] => readFileSync(accessLog, 'utf8').split('\n').filter(Boolean);

interface RunningRelay {
  readonly url: string;
  readonly port: number;
  readonly group: ControlGroup;
  /** As a git host would. */
  notify(): Promise<void>;
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

async function startRelay({ directory, web }: Scene, period: string): Promise<RunningRelay> {
  const group = createControlGroup(`relay-${Math.random().toString(36).slice(2, 8)}`);
  const port = await freePort();
  writeFileSync(join(directory, 'secret'), SECRET);
  const [file = '', ...words] = [
    ...group.prefix,
    ...[resolve('dist/git-sidecar.cjs'), 'relay'],
    ...[`--root=${directory}/relay`, `--http-bind=127.0.0.1:${port}`, '--http-metrics', `--allow=${web.url}/*`],
    ...[
      '--max-requests=100000',
      `--period=${period}`,
      `--push-secret-file=${directory}/secret`,
      `--follow=${web.url}/repo.git`,
    ],
  ];
  const child = spawn(file, words, { env: { PATH: process.env.PATH ?? '', HOME: directory }, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string): Promise<Response | undefined> =>
    await fetch(`${url}${path}`).catch(() => undefined);
  await until('the relay is ready', async () => (await ask('/readyz'))?.status === 200);
  return {
    url,
    port,
    group,
    notify: async () => {
      const body = '{}';
      const signature = createHmac('sha256', SECRET).update(body).digest('hex');
      const headers = { 'x-signature-256': `sha256=${signature}` };
      await (await fetch(`${url}/push`, { method: 'POST', body, headers })).text();
    },
    metric: async (name) => {
      const text = (await (await ask('/metrics'))?.text()) ?? '';
      const found = text.split('\n').find((line) => line.startsWith(`${name} `));
      return Number(found?.slice(name.length + 1));
    },
    stop: async () => {
      await end(child);
      group.remove();
      rmSync(join(directory, 'relay'), { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}

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

async function benchFleets(scene: Scene): Promise<string> {
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

interface Subscribers {
  /** Resolves with the nanoseconds at which each of them got the event about `commit`. */
  told(commit: string): Promise<bigint[]>;
  stop(): Promise<void>;
}

async function startSubscribers(port: number, name: string, count: number): Promise<Subscribers> {
  const child = spawn(process.execPath, [resolve('bench/subscribers.js'), String(port), name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const found = new Map<string, bigint[]>();
  let ready = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('ready')) ready = true;
    else {
      const { commit, times } = JSON.parse(line) as { commit: string; times: string[] };
      found.set(commit, times.map(BigInt));
    }
  });
  await until('the streams are open', () => ready, 120_000);
  return {
    told: async (commit) => await until('all of them have the event', () => found.get(commit), 60_000),
    stop: async () => await end(child),
  };
}

async function benchStreams(scene: Scene): Promise<string> {
  const relay = await startRelay(scene, '1h');
  await delay(2000);
  const memory = async (): Promise<number> => await relay.metric('process_resident_memory_bytes');
  const before = await memory();
  const each = Math.floor(STREAMS / STREAM_PROCESSES);
  const processes: Subscribers[] = [];
  for (let index = 0; index < STREAM_PROCESSES; index += 1)
    processes.push(await startSubscribers(relay.port, scene.name, each));
  await delay(3000);
  const after = await memory();
  const subscribers = await relay.metric('git_sidecar_relay_subscribers');
  const totals: number[] = [];
  const [p50, p99, last, spread]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let push = 0; push < PUSHES; push += 1) {
    const oid = scene.upstream.commit({ push: `streams ${push}` });
    const start = process.hrtime.bigint();
    await relay.notify();
    const times = (await Promise.all(processes.map((one) => one.told(oid)))).flat();
    const took = times.map((time) => Number(time - start) / 1e6).sort((a, b) => a - b);
    totals.push(took.length);
    p50.push(took[Math.floor(took.length * 0.5)] ?? 0);
    p99.push(took[Math.floor(took.length * 0.99)] ?? 0);
    last.push(took.at(-1) ?? 0);
    spread.push((took.at(-1) ?? 0) - (took[0] ?? 0));
    await delay(500);
  }
  const cpuBefore = relay.group.cpuMs();
  await delay(WINDOW_MS);
  const idle = ((relay.group.cpuMs() - cpuBefore) / WINDOW_MS) * 100;
  await Promise.all(processes.map((one) => one.stop()));
  await relay.stop();
  process.stderr.write(`${subscribers} streams, last ${median(last)} ms\n`);
  return [
    '## One push to ten thousand streams',
    `${subscribers} event streams of one relay, held by ${STREAM_PROCESSES} processes on the same two cores (each within the limit of ${execFileSync('/bin/sh', ['-c', 'ulimit -n']).toString().trim()} open files). ${PUSHES} pushes, each announced by a webhook; medians of the milliseconds from the webhook being sent until the subscribers have the new commit: that is one request to the git server, one fetch, and the event. *Spread*: from the first of them to the last. Every one of the ${totals.reduce((sum, one) => sum + one, 0)} notices arrived.`,
    table(
      [
        'streams',
        'p50, ms',
        'p99, ms',
        'last, ms',
        'spread, ms',
        'resident memory a stream, KiB',
        'idle CPU of the relay',
      ],
      [
        [
          `${subscribers}`,
          ms(median(p50)),
          ms(median(p99)),
          ms(median(last)),
          ms(median(spread)),
          ((after - before) / 1024 / subscribers).toFixed(1),
          `${idle.toFixed(1)} %`,
        ],
      ],
    ),
  ].join('\n\n');
}

/** So many bare repositories at the present commit, to fetch into. */
async function makeClones({ directory, url }: Scene, count: number): Promise<string[]> {
  const template = join(directory, 'template.git');
  await execute('git', ['init', '-q', '--bare', '--template=', template], { env: GIT_ENV });
  await execute('git', ['--git-dir', template, 'fetch', '-q', '--depth=1', url, 'main:main'], { env: GIT_ENV });
  return Array.from({ length: count }, (_, index) => {
    const clone = join(directory, 'clones', `${index}.git`);
    mkdirSync(join(directory, 'clones'), { recursive: true });
    cpSync(template, clone, { recursive: true });
    return clone;
  });
}

async function fetchAll(clones: readonly string[], url: string, oid: string): Promise<number> {
  const before = performance.now();
  const queue = [...clones];
  const worker = async (): Promise<void> => {
    for (let clone = queue.pop(); clone !== undefined; clone = queue.pop()) {
      await execute('git', ['--git-dir', clone, 'fetch', '-q', '--depth=1', url, 'main'], { env: GIT_ENV });
      if (!readFileSync(join(clone, 'FETCH_HEAD'), 'utf8').startsWith(oid)) throw new Error('another commit came');
    }
  };
  await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, worker));
  return performance.now() - before;
}

async function benchFetches(scene: Scene): Promise<string> {
  const { upstream, web, server, url, name } = scene;
  const relay = await startRelay(scene, '1h');
  const clones = await makeClones(scene, FETCHES + DIRECT_FETCHES);
  const asked = requestsOf(web).length;
  const oid = upstream.commit({ push: 'for a thousand', more: 'x'.repeat(20_000) });
  const [serverBefore, relayBefore] = [server.cpuMs(), relay.group.cpuMs()];
  await relay.notify();
  await until('the relay has it', async () => {
    const { stdout } = await execute('git', ['ls-remote', `${relay.url}/git/${name}`, 'main'], { env: GIT_ENV });
    return stdout.startsWith(oid);
  });
  const answers = async (): Promise<number[]> =>
    await Promise.all(
      ['computed', 'joined', 'kept'].map((name) => relay.metric(`git_sidecar_relay_fetches{answer="${name}"}`)),
    );
  const answersBefore = await answers();
  const wall = await fetchAll(clones.slice(0, FETCHES), `${relay.url}/git/${name}`, oid);
  const upstreamRequests = requestsOf(web).slice(asked);
  const [serverCpu, relayCpu] = [server.cpuMs() - serverBefore, relay.group.cpuMs() - relayBefore];
  const [computed = 0, joined = 0, kept = 0] = (await answers()).map(
    (count, index) => count - (answersBefore[index] ?? 0),
  );
  const directBefore = server.cpuMs();
  const directWall = await fetchAll(clones.slice(FETCHES), url, oid);
  const directCpu = ((server.cpuMs() - directBefore) / DIRECT_FETCHES) * FETCHES;
  const directRequests = ((requestsOf(web).length - asked - upstreamRequests.length) / DIRECT_FETCHES) * FETCHES;
  await relay.stop();
  return [
    '## A thousand fetches of one push',
    `${FETCHES} repositories that hold the commit before fetch the new one with \`git fetch --depth=1\`, ${FETCHES_AT_ONCE} at a time. Through a relay that got a webhook of the push; and from the git server itself, measured with ${DIRECT_FETCHES} and scaled. Most of the wall time is the ${FETCHES} git clients themselves, on the same two cores.`,
    table(
      [
        '',
        'requests to the git server',
        'of them fetches',
        'CPU of the git server, ms',
        'CPU of the relay, ms',
        'packs made',
        'fetches a second',
      ],
      [
        [
          'through the relay',
          `${upstreamRequests.length} (one \`ls-refs\`, one \`fetch\`)`,
          `${upstreamRequests.length - 1}`,
          ms(serverCpu),
          ms(relayCpu),
          `${computed} (and ${joined + kept} times the same again)`,
          (FETCHES / (wall / 1000)).toFixed(0),
        ],
        [
          'from the git server',
          directRequests.toFixed(0),
          `${FETCHES}`,
          ms(directCpu),
          '–',
          `${FETCHES}`,
          (DIRECT_FETCHES / (directWall / 1000)).toFixed(0),
        ],
      ],
    ),
  ].join('\n\n');
}

export async function benchRelay({ output }: Conditions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-relay-'));
  const upstream = new Upstream(join(directory, 'srv'));
  upstream.commit({ 'README.md': 'hello\n', 'app/config.json': '{}\n', 'app/main': 'x\n' });
  const server = createControlGroup('git-server');
  const web = await startNginx(join(directory, 'nginx'), { projectRoot: join(directory, 'srv') }, server.prefix);
  const url = `${web.url}/repo.git`;
  const name = repositoryNameOf(url);
  if (!name) throw new Error('unreachable');
  const scene: Scene = { directory, output, upstream, web, server, url, name };
  try {
    return [await benchFleets(scene), await benchStreams(scene), await benchFetches(scene)].join('\n\n');
  } finally {
    await web.stop();
    server.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
