// What a rollout policy costs a large fleet: every instance reports, and the relay decides whom it shows the commit.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../test/peers/wait.ts';
import { SimulatedFleet } from '../browser/simulated-fleet.ts';
import { size } from '../size.ts';
import { median, ms, table } from '../statistics.ts';
import { type RunningRelay, type Scene, startRelay } from './scene.ts';

const INSTANCES = size('BENCH_REPORTING', { full: 10_000, smoke: 50 });
const PUSHES = size('BENCH_PUSHES', { full: 5, smoke: 2 });
const JOIN_AT_ONCE = 100;
/** Reports of a fleet do not come in one instant. */
const SPREAD_MS = size('BENCH_SPREAD_MS', { full: 5000, smoke: 1000 });
const PATIENCE_MS = 180_000;

interface Round {
  /** Milliseconds from the webhook until each instance had the commit, in order. */
  readonly arrivals: readonly number[];
  /** Until the relay had heard of all of them. */
  readonly reportedMs: number;
}

const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** @returns how many instances report that they publish `oid` */
async function published({ url }: RunningRelay, oid: string): Promise<number> {
  const text = await fetch(`${url}/fleet`)
    .then((answer) => answer.text())
    .catch(() => '');
  return text.split(`"published":{"ref":"refs/heads/main","oid":"${oid}"`).length - 1;
}

class Fleet {
  #oid = '';
  #startedAt = 0;
  #arrivals = new Map<string, number>();
  readonly #fleet: SimulatedFleet;

  constructor({ url }: RunningRelay, repository: string) {
    const onCommit = (name: string, oid: string): void => {
      if (oid === this.#oid && !this.#arrivals.has(name)) this.#arrivals.set(name, performance.now() - this.#startedAt);
    };
    this.#fleet = new SimulatedFleet({ url, repository, token: 'none', onCommit });
  }

  async open(): Promise<void> {
    for (let from = 0; from < INSTANCES; from += JOIN_AT_ONCE) {
      const some = Array.from({ length: Math.min(JOIN_AT_ONCE, INSTANCES - from) }, (_, index) => from + index);
      const join = async (index: number): Promise<void> =>
        await this.#fleet.join({ name: `web-${index}`, labels: {}, delayMs: (index * SPREAD_MS) / INSTANCES });
      await Promise.all(some.map(join));
    }
  }

  async push(scene: Scene, relay: RunningRelay, text: string): Promise<Round> {
    this.#arrivals = new Map();
    this.#oid = scene.upstream.commit({ policy: text });
    this.#startedAt = performance.now();
    await relay.notify();
    await until(`${INSTANCES} have it`, () => this.#arrivals.size === INSTANCES || undefined, PATIENCE_MS);
    await until(`${INSTANCES} reported it`, async () => (await published(relay, this.#oid)) === INSTANCES, PATIENCE_MS);
    const reportedMs = performance.now() - this.#startedAt;
    return { arrivals: [...this.#arrivals.values()].sort((a, b) => a - b), reportedMs };
  }

  get refusals(): number {
    return this.#fleet.refusals;
  }

  close(): void {
    this.#fleet.close();
  }
}

async function measure(scene: Scene, name: string, words: readonly string[]): Promise<string[]> {
  const relay = await startRelay(scene, '1h', [`--max-subscribers=${2 * INSTANCES}`, ...words]);
  const fleet = new Fleet(relay, scene.name);
  try {
    await fleet.open();
    await delay(3 * SPREAD_MS);
    const rounds: Round[] = [];
    const cpuBefore = relay.group.cpuMs();
    for (let number = 0; number < PUSHES; number += 1) {
      rounds.push(await fleet.push(scene, relay, `${name} ${number}`));
      await delay(SPREAD_MS);
    }
    const cpu = (relay.group.cpuMs() - cpuBefore) / PUSHES;
    const over = (part: number): string => ms(median(rounds.map(({ arrivals }) => at(arrivals, part))));
    const row = [name, over(0.5), over(0.99), over(1), ms(median(rounds.map(({ reportedMs }) => reportedMs))), ms(cpu)];
    process.stderr.write(`${row.join(' | ')}; ${fleet.refusals} reports sent again\n`);
    return row;
  } finally {
    fleet.close();
    await relay.stop();
  }
}

export async function benchPolicy(scene: Scene): Promise<string> {
  const file = join(scene.directory, 'rollouts.yaml');
  const policy = { name: 'all', repository: scene.name, refs: 'main', done: 'published', 'max-unavailable': '100%' };
  writeFileSync(file, JSON.stringify({ rollouts: [policy] }));
  const rows = [
    await measure(scene, 'without a policy', []),
    await measure(scene, 'with a policy that holds nobody back', [`--rollouts=${file}`]),
  ];
  return [
    `## What a policy costs ${INSTANCES.toLocaleString('en')} instances that report`,
    `One push to all of them, told by a webhook; medians of ${PUSHES} pushes, in ms. Each instance reports within ${SPREAD_MS / 1000} s. All instances are one process on the same two cores, so it takes most of the time that it measures. *All reported*: the relay’s overview shows all of them at the commit. *CPU*: of the relay and its git processes for one push and all reports of it.`,
    table(['a fleet', 'half of them', '99 %', 'the last one', 'all reported', 'CPU'], rows),
  ].join('\n\n');
}
