// Power cuts: disks are copied in the middle of updates and up to 32 s after them, without a flush. What does a reader get,
// and what does the next start of the machine make of it, with the git server and without?
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generator } from '../test/kit/random.ts';
import { Disks, type FileSystem } from './power/disks.ts';
import { type Cut, Life } from './power/life.ts';
import { MODES } from './power/modes.ts';
import { Namespace } from './power/namespace.ts';
import { type NextBoot, type Outcome, startAfter } from './power/next-start.ts';
import { size } from './size.ts';
import { median, ms, table } from './statistics.ts';

const ROUNDS = size('BENCH_POWER_ROUNDS', { full: 2, smoke: 1 });
const CUTS = size('BENCH_POWER_CUTS', { full: 14, smoke: 1 });
const FILES = size('BENCH_POWER_FILES', { full: 300, smoke: 60 });
const UPDATES = size('BENCH_POWER_UPDATES', { full: 9, smoke: 1 });
const SEED = size('BENCH_POWER_SEED', { full: 1, smoke: 1 });
/** The kernel keeps data for 30 s at most, as it is usually set. */
const LONGEST_MS = size('BENCH_POWER_MS', { full: 32_000, smoke: 1000 });
/** An update is over by then. */
const DURING_MS = 700;
const EARLIEST_PUSH_MS = 900;
const LATEST_PUSH_MS = 6000;
const AT_ONCE = 4;

/** A smoke has to be short. */
export const FILE_SYSTEMS: readonly FileSystem[] = process.argv.includes('--smoke') ? ['ext4'] : ['ext4', 'XFS'];

interface Result {
  readonly life: Life;
  readonly cuts: number;
  readonly reachable: readonly Outcome[];
  readonly unreachable: readonly Outcome[];
}

/** Moments of one round: half of the cuts in the middle of an update, the others up to the longest time. */
function moments(random: () => number): { readonly pushAt: number; readonly cutsAt: readonly number[] } {
  const latest = Math.min(LATEST_PUSH_MS, LONGEST_MS - DURING_MS);
  const earliest = Math.min(EARLIEST_PUSH_MS, latest);
  const pushAt = earliest + random() * (latest - earliest);
  const cutsAt = Array.from({ length: CUTS }, (_, index) => {
    if (index % 2 === 1) return random() * LONGEST_MS;
    return (index % 4 === 0 ? 0 : pushAt) + random() * DURING_MS;
  });
  return { pushAt, cutsAt: cutsAt.sort((one, other) => one - other) };
}

async function liveThrough(life: Life, seed: number): Promise<readonly Cut[]> {
  const random = generator(seed);
  const cuts: Cut[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { pushAt, cutsAt } = moments(random);
    cuts.push(...(await life.take(pushAt, cutsAt)));
  }
  return cuts;
}

async function inTurns<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await use(item);
  };
  // Nothing is at work any more when one of them has failed.
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}

function count(outcomes: readonly Outcome[], what: (outcome: Outcome) => string, ...values: readonly string[]): number {
  return outcomes.filter((outcome) => values.includes(what(outcome))).length;
}

function rowOf({ life, cuts, reachable, unreachable }: Result): string[] {
  const { mode, fileSystem } = life.options;
  const before = ({ before: sight }: Outcome): string => sight;
  const after = ({ after: sight }: Outcome): string => sight;
  const faults = [...reachable, ...unreachable].filter(({ fault }) => fault !== undefined).length;
  return [
    mode.name,
    fileSystem,
    `${cuts}`,
    `${count(reachable, before, 'new')} / ${count(reachable, before, 'former')} / ${count(reachable, before, 'between')} / ${count(reachable, before, 'torn')} / ${count(reachable, before, 'absent')}`,
    `${count(reachable, after, 'new')}`,
    ms(median(reachable.map((outcome) => outcome.ms))),
    `${count(unreachable, after, 'new')} / ${count(unreachable, after, 'former')} / ${count(unreachable, after, 'between', 'torn', 'absent')}`,
    ms(median(unreachable.map((outcome) => outcome.ms))),
    `${faults}`,
  ];
}

interface Cost {
  readonly fileSystem: FileSystem;
  readonly plainMs: number;
  readonly durableMs: number;
}

async function medianUpdate(life: Life): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < UPDATES; round += 1) times.push(await life.update());
  return median(times);
}

class Bench {
  readonly #home: string;
  readonly #live: Namespace;
  readonly #disks: Disks;
  readonly #boots: readonly NextBoot[];

  constructor(home: string, live: Namespace, boots: readonly NextBoot[]) {
    this.#home = home;
    this.#live = live;
    this.#disks = new Disks(live, home);
    this.#boots = boots;
  }

  async #begin(mode: (typeof MODES)[number], fileSystem: FileSystem, name: string): Promise<Life> {
    const home = join(this.#home, name);
    mkdirSync(home);
    return await Life.begin({ mode, fileSystem, namespace: this.#live, disks: this.#disks, home, files: FILES });
  }

  /** What `--durable` costs, on a disk where nothing else is at work. */
  async cost(): Promise<readonly Cost[]> {
    const costs: Cost[] = [];
    const [plain, durable] = MODES;
    if (!plain || !durable) throw new Error('a mode is missing');
    for (const fileSystem of FILE_SYSTEMS) {
      const [plainMs = 0, durableMs = 0] = [
        await this.#costOf(plain, fileSystem, `cost-${fileSystem}-plain`),
        await this.#costOf(durable, fileSystem, `cost-${fileSystem}-durable`),
      ];
      costs.push({ fileSystem, plainMs, durableMs });
    }
    return costs;
  }

  async #costOf(mode: (typeof MODES)[number], fileSystem: FileSystem, name: string): Promise<number> {
    const life = await this.#begin(mode, fileSystem, name);
    const time = await medianUpdate(life);
    await life.end();
    return time;
  }

  async cuts(): Promise<readonly Result[]> {
    const lives: Life[] = [];
    for (const [at, mode] of MODES.entries())
      for (const fileSystem of FILE_SYSTEMS) lives.push(await this.#begin(mode, fileSystem, `${at}-${fileSystem}`));
    const cuts = await Promise.all(lives.map(async (life, at) => await liveThrough(life, SEED * 1000 + at)));
    for (const life of lives) await life.end();
    for (const { namespace, isReachable } of this.#boots)
      if (!isReachable) for (const { home } of lives.map(({ options }) => options)) namespace.cover(join(home, 'srv'));
    const results = lives.map((life, at) => ({ life, cuts: cuts[at] ?? [] }));
    const all: Result[] = [];
    await inTurns(results, async (each) => void all.push(await this.#examine(each.life, each.cuts)));
    return lives.flatMap((life) => all.find((each) => each.life === life) ?? []);
  }

  async #examine(life: Life, cuts: readonly Cut[]): Promise<Result> {
    const outcomes: Record<'reachable' | 'unreachable', Outcome[]> = { reachable: [], unreachable: [] };
    for (const cut of cuts) {
      for (const boot of this.#boots) {
        const outcome = await startAfter(life, cut, boot, this.#live);
        outcomes[boot.isReachable ? 'reachable' : 'unreachable'].push(outcome);
        if (outcome.fault === undefined) continue;
        const { mode, fileSystem } = life.options;
        const server = boot.isReachable ? 'with the server' : 'without the server';
        process.stderr.write(
          `FAULT: ${mode.name}, ${fileSystem}, ${cut.ms.toFixed(0)} ms after push ${cut.pushed}, ${server}: ${outcome.fault}\n`,
        );
      }
      this.#disks.remove(cut.image);
    }
    return { life, cuts: cuts.length, ...outcomes };
  }

  close(): void {
    this.#disks.close();
  }
}

async function measure(home: string): Promise<{ results: readonly Result[]; costs: readonly Cost[] }> {
  const namespaces = [await Namespace.open(), await Namespace.open(), await Namespace.open()] as const;
  const [live, reachable, unreachable] = namespaces;
  try {
    for (const each of [reachable, unreachable]) each.startMachineAgain(join(home, 'boot-id'));
    const boots = [
      { namespace: reachable, isReachable: true },
      { namespace: unreachable, isReachable: false },
    ];
    const bench = new Bench(home, live, boots);
    const costs = await bench.cost();
    const results = await bench.cuts();
    bench.close();
    return { results, costs };
  } finally {
    for (const each of namespaces) await each.close();
  }
}

export async function benchPower(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-power-'));
  try {
    const { results, costs } = await measure(home);
    const all = results.reduce((sum, { cuts }) => sum + cuts, 0);
    return [
      '## Power cuts',
      `${all} copies of disks, taken in one instant and without a flush: half of them within ${DURING_MS} ms after a push, the others up to ${LONGEST_MS / 1000} s after it (seed ${SEED}); ${FILES} files, of which each push changes a third. Each copy is started twice as in another boot of the machine: with the git server, and without it. “Before” is what a reader gets before that, for \`run\` in the release that ran last: the newest revision whole / an earlier one whole / files of several revisions, each whole / torn / nothing. “With the server” is how many show the newest revision whole after the first cycle, and the median time until then from the start of the process. “Without”: the newest whole / an earlier one whole / anything else. A fault is a start after which anything but a whole revision is shown, and for \`run\` also one that starts the application from anything else.`,
      table(['', 'on', 'cuts', 'before', 'with the server', 'ms', 'without', 'ms ', 'faults'], results.map(rowOf)),
      `What \`--durable\` costs: from the poll that sees a push until the link is switched, medians of ${UPDATES} updates, on a disk where nothing else is at work; it is one syncfs(2), so it also waits for what others have written to the same disk.`,
      table(
        ['file system', 'ms', 'ms with `--durable`'],
        costs.map(({ fileSystem, plainMs, durableMs }) => [fileSystem, ms(plainMs), ms(durableMs)]),
      ),
    ].join('\n\n');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
