import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GIT_ENV } from '../../test/kit/upstream.ts';
import { until } from '../../test/peers/wait.ts';
import { size } from '../size.ts';
import { ms, table } from '../statistics.ts';
import { requestsOf, type Scene, startRelay } from './scene.ts';

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

export async function benchFetches(scene: Scene): Promise<string> {
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
