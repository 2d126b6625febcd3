import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { GIT_ENV } from '../../test/kit/upstream.ts';
import { freePort } from '../../test/peers/ports.ts';
import { until } from '../../test/peers/wait.ts';
import { createControlGroup } from '../control-group.ts';
import { size } from '../size.ts';
import { ms, table } from '../statistics.ts';
import { end, requestsOf, type Scene, startRelay } from './scene.ts';

const execute = promisify(execFile);
const FETCHES = size('BENCH_FETCHES', { full: 1000, smoke: 16 });
const DIRECT_FETCHES = size('BENCH_DIRECT_FETCHES', { full: 100, smoke: 8 });
const FETCHES_AT_ONCE = 8;

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

interface BareServer {
  readonly url: string;
  cpuMs(): number;
  stop(): Promise<void>;
}

/** Node's HTTP server with the same answers and nothing else: less than this no relay in Node can cost. */
async function startBareServer(gitDir: string): Promise<BareServer> {
  const group = createControlGroup('bare-server');
  const port = await freePort();
  const words = [...group.prefix, process.execPath, resolve('bench/bare-server.js'), gitDir, `${port}`];
  const [file = '', ...rest] = words;
  const child = spawn(file, rest, { env: { PATH: process.env.PATH ?? '' }, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}/repo.git`;
  await until('the bare server answers', async () => {
    const response = await fetch(`${url}/info/refs?service=git-upload-pack`).catch(() => undefined);
    return response?.status === 200;
  });
  return {
    url,
    cpuMs: () => group.cpuMs(),
    stop: async () => {
      await end(child);
      group.remove();
    },
  };
}

export async function benchFetches(scene: Scene): Promise<string> {
  const { upstream, web, server, url, name } = scene;
  const relay = await startRelay(scene, '1h');
  const clones = await makeClones(scene, 2 * FETCHES + DIRECT_FETCHES);
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
  const bare = await startBareServer(join(scene.directory, 'srv', 'repo.git'));
  const bareBefore = bare.cpuMs();
  const bareWall = await fetchAll(clones.slice(FETCHES, 2 * FETCHES), bare.url, oid);
  const bareCpu = bare.cpuMs() - bareBefore;
  await bare.stop();
  const directBefore = server.cpuMs();
  const directWall = await fetchAll(clones.slice(2 * FETCHES), url, oid);
  const directCpu = ((server.cpuMs() - directBefore) / DIRECT_FETCHES) * FETCHES;
  const directRequests = ((requestsOf(web).length - asked - upstreamRequests.length) / DIRECT_FETCHES) * FETCHES;
  await relay.stop();
  return [
    '## A thousand fetches of one push',
    `${FETCHES} repositories that hold the commit before fetch the new one with \`git fetch --depth=1\`, ${FETCHES_AT_ONCE} at a time. Through a relay that got a webhook of the push; from the HTTP server of Node with nothing of ours, which answers the same three questions from memory without asking who sends them: the least that a relay in Node can cost; and from the git server itself, measured with ${DIRECT_FETCHES} and scaled. Most of the wall time is the ${FETCHES} git clients themselves, on the same two cores.`,
    table(
      [
        '',
        'requests to the git server',
        'of them fetches',
        'CPU of the git server, ms',
        'CPU of the relay or bare server, ms',
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
        ['from a bare server of Node', '–', '–', '–', ms(bareCpu), '–', (FETCHES / (bareWall / 1000)).toFixed(0)],
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
