import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { comparedWith, type GitSyncBinary } from '../git-sync.ts';
import { size } from '../size.ts';
import { table } from '../statistics.ts';
import { type Contender, contenders, type Place, type Scene } from './scene.ts';

const UPDATES = 3;
const SAMPLE_MS = 10;
const REST_MS = size('BENCH_REST_MS', { full: 15_000, smoke: 500 });
const UPDATE_MS = 120_000;
const MEBIBYTE = 2 ** 20;

/** A place, and how a commit is pushed there. */
export interface Changing {
  readonly place: Place;
  readonly change: (round: number) => void;
}

async function use(scene: Scene, contender: Contender, { place, change }: Changing): Promise<string[]> {
  const client = scene.follow(contender, place, ['--period=100ms']);
  let peak = 0;
  const sampler = setInterval(() => {
    peak = Math.max(peak, client.group.residentBytes());
  }, SAMPLE_MS);
  try {
    await client.published();
    for (let round = 0; round < UPDATES; round += 1) {
      const before = readlinkSync(client.link);
      const deadline = performance.now() + UPDATE_MS;
      change(round);
      while (readlinkSync(client.link) === before) {
        if (performance.now() > deadline) throw new Error(`${contender.name} did not publish a change`);
        await delay(SAMPLE_MS);
      }
    }
    await delay(REST_MS);
    const status = readFileSync(`/proc/${client.child.pid}/status`, 'utf8');
    const value = (name: string): string =>
      (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024).toFixed(1);
    return [place.name, contender.name, value('RssAnon'), value('VmRSS'), (peak / MEBIBYTE).toFixed(0)];
  } finally {
    clearInterval(sampler);
    await client.end();
  }
}

export async function memoryUse(
  scene: Scene,
  changing: readonly Changing[],
  gitSync: GitSyncBinary | undefined,
): Promise<string> {
  const rows: string[][] = [];
  for (const each of changing)
    for (const contender of contenders(gitSync)) rows.push(await use(scene, contender, each));
  const others = gitSync
    ? comparedWith(gitSync).replace(', and with our loop of git-sync v4.7.1’s commands', '')
    : 'Compared with nothing: the loop has no process of its own, and a git-sync program was not given (`--git-sync=PATH`).';
  return [
    '## Memory',
    `MiB of the process while idle, and the peak of the whole process tree (PSS, sampled every ${SAMPLE_MS} ms) over the first sync and ${UPDATES} updates. ${others}`,
    table(['remote', 'program', 'idle, anonymous', 'idle, resident', 'peak, whole tree'], rows),
  ].join('\n\n');
}
