import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../src/platform/clock.ts';
import { SseFeed } from '../../src/relay/client/sse-feed.ts';
import { writeReport } from '../../src/relay/protocol/report.ts';
import type { RepositoryName } from '../../src/relay/protocol/repository-name.ts';
import { readHttpSettings } from '../../src/remote/http-settings.ts';
import { silentLog } from '../../test/kit/silent-log.ts';
import { GIT_ENV, git } from '../../test/kit/upstream.ts';
import { until } from '../../test/peers/wait.ts';
import { HONEST_TOKEN, PUSH_SECRET, type TenantsRelay } from './relay-process.ts';
import { Samples } from './samples.ts';

const execute = promisify(execFile);
/** Between 1.5 and 2.5 s, so that pushes keep no step with the relay’s polls. */
const pushPause = (): number => 1500 + Math.random() * 1000;
const CLONE_EVERY_MS = 3000;
const PROBE_EVERY_MS = 250;
const PATIENCE_MS = 60_000;
const MAIN = 'refs/heads/main';
/** As git has it without any settings. */
const PLAIN = readHttpSettings(new URL('http://127.0.0.1'), [], {});

export const STREAMS: readonly string[] = ['one', 'two', 'three', 'four'].map((name) => `honest-stream-${name}`);

export const MEASURED = {
  told: 'push → event, told by a webhook',
  polled: 'push → event, polled every second',
  clone: '`git clone --depth=1`',
  update: '`git fetch --depth=1` of the push',
  readyz: '`/readyz`',
  healthz: '`/healthz`',
} as const;
export type Measured = keyof typeof MEASURED;
export type Measurements = Record<Measured, Samples>;

export const newMeasurements = (): Measurements => ({
  told: new Samples(),
  polled: new Samples(),
  clone: new Samples(),
  update: new Samples(),
  readyz: new Samples(),
  healthz: new Samples(),
});

export interface HonestScene {
  readonly relay: TenantsRelay;
  readonly directory: string;
  /** Bare; what is pushed are these commits, in their order. */
  readonly app: string;
  readonly commits: readonly string[];
  readonly name: RepositoryName;
  readonly url: string;
}

/** A tenant with some streams, that pushes every two seconds, clones, fetches what it pushed, and is probed. */
export class HonestTenant {
  readonly #scene: HonestScene;
  readonly #feeds: readonly SseFeed[];
  readonly #work: string;
  #measurements = newMeasurements();
  #pushed = 0;

  constructor(scene: HonestScene) {
    this.#scene = scene;
    this.#work = join(scene.directory, 'honest-work');
    this.#feeds = STREAMS.map((stream) => {
      const revision = { ref: MAIN, oid: scene.commits[0] as never, at: Date.now() };
      const report = { stream, replaces: undefined, instance: stream, published: revision, running: undefined };
      const feed = new SseFeed({
        url: scene.relay.url,
        repository: scene.name,
        wanted: { names: [MAIN], newest: undefined },
        settings: PLAIN,
        token: async () => HONEST_TOKEN,
        report: () => writeReport(report),
        agent: 'bench',
        clock: systemClock,
        random: Math.random,
        log: silentLog,
      });
      let was = false;
      feed.onChange(() => {
        if (was && !feed.isConnected) this.#measurements.told.fail('stream ended');
        was = feed.isConnected;
      });
      return feed;
    });
  }

  async open(): Promise<void> {
    const [first = ''] = this.#scene.commits;
    await until('all streams are open', () => this.#feeds.every((feed) => isAt(feed, first)), PATIENCE_MS);
    mkdirSync(this.#work, { recursive: true });
    git(this.#work, 'init', '-q', '--bare', 'updated.git');
  }

  close(): void {
    for (const feed of this.#feeds) feed.close();
  }

  /** How many of its streams the relay's overview shows: nobody else can take one over. */
  async membersShown(): Promise<number> {
    const headers = { authorization: `Bearer ${HONEST_TOKEN}` };
    const text = await (await fetch(`${this.#scene.relay.url}/fleet`, { headers })).text();
    return STREAMS.filter((stream) => text.includes(`"instance":"${stream}"`)).length;
  }

  /** Goes on until `signal` aborts and what is under way has ended. */
  async measure(into: Measurements, signal: AbortSignal): Promise<void> {
    this.#measurements = into;
    await Promise.all([this.#pushes(into, signal), this.#clones(into, signal), this.#probes(into, signal)]);
  }

  async #pushes(into: Measurements, signal: AbortSignal): Promise<void> {
    await every(pushPause, signal, async (index) => {
      const { app, commits } = this.#scene;
      this.#pushed += 1;
      const oid = commits[this.#pushed];
      if (oid === undefined) throw new Error('all the commits that were prepared have been pushed');
      const isTold = index % 2 === 0;
      const samples = isTold ? into.told : into.polled;
      const arrivals = this.#feeds.map((feed) => arrival(feed, oid));
      const start = performance.now();
      await execute('git', ['update-ref', MAIN, oid], { cwd: app, env: GIT_ENV });
      if (isTold) await this.#notify(into.told);
      for (const at of await Promise.all(arrivals)) {
        if (at === undefined) samples.fail(`no event within ${PATIENCE_MS / 1000} s`);
        else samples.add(at - start);
      }
      const fetch = ['fetch', '-q', '--depth=1', this.#source, `+${MAIN}:${MAIN}`];
      await this.#git(into.update, join(this.#work, 'updated.git'), fetch);
    });
  }

  async #clones(into: Measurements, signal: AbortSignal): Promise<void> {
    await every(
      () => CLONE_EVERY_MS,
      signal,
      async (index) => {
        const place = join(this.#work, `clone-${index}.git`);
        await this.#git(into.clone, this.#work, ['clone', '-q', '--bare', '--depth=1', this.#source, place]);
        rmSync(place, { recursive: true, force: true });
      },
    );
  }

  async #probes(into: Measurements, signal: AbortSignal): Promise<void> {
    await every(
      () => PROBE_EVERY_MS,
      signal,
      async (index) => {
        const path = index % 2 === 0 ? 'readyz' : 'healthz';
        const start = performance.now();
        try {
          const headers = { connection: 'close' };
          const limit = AbortSignal.timeout(PATIENCE_MS);
          const answer = await fetch(`${this.#scene.relay.url}/${path}`, { headers, signal: limit });
          await answer.text();
          if (answer.status === 200) into[path].add(performance.now() - start);
          else into[path].fail(`status ${answer.status}`);
        } catch {
          into[path].fail('no answer');
        }
      },
    );
  }

  get #source(): string {
    return `${this.#scene.relay.url}/git/${this.#scene.name}`;
  }

  async #git(samples: Samples, cwd: string, args: readonly string[]): Promise<void> {
    const start = performance.now();
    const token = ['-c', `http.extraHeader=Authorization: Bearer ${HONEST_TOKEN}`];
    try {
      await execute('git', [...token, ...args], { cwd, env: GIT_ENV, timeout: PATIENCE_MS });
      samples.add(performance.now() - start);
    } catch (error) {
      const isLate = performance.now() - start >= PATIENCE_MS;
      samples.fail(
        isLate ? `git took ${PATIENCE_MS / 1000} s` : (/fatal: .*/.exec(String(error))?.[0] ?? 'git failed'),
      );
    }
  }

  /** As a git host would. */
  async #notify(samples: Samples): Promise<void> {
    const body = JSON.stringify({ ref: MAIN, repository: { clone_url: this.#scene.url } });
    const signature = createHmac('sha256', PUSH_SECRET).update(body).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-signature-256': `sha256=${signature}` };
    const limit = AbortSignal.timeout(PATIENCE_MS);
    const post = { method: 'POST', body, headers, signal: limit };
    const answer = await fetch(`${this.#scene.relay.url}/push`, post).catch(() => undefined);
    if (!answer?.ok) samples.fail(`webhook: ${answer ? `status ${answer.status}` : 'no answer'}`);
    await answer?.text();
  }
}

const isAt = (feed: SseFeed, oid: string): boolean => feed.told?.refs.get(MAIN)?.oid === oid;

/** @returns when the stream told of `oid`; undefined when it did not in time */
async function arrival(feed: SseFeed, oid: string): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const done = (at: number | undefined): void => {
      clearTimeout(timer);
      stop();
      resolve(at);
    };
    const timer = setTimeout(() => done(undefined), PATIENCE_MS);
    const stop = feed.onChange(() => {
      if (isAt(feed, oid)) done(performance.now());
    });
  });
}

/** Begins `work` again after `pause` in milliseconds, later when it takes longer. */
async function every(pause: () => number, signal: AbortSignal, work: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; !signal.aborted; index += 1) {
    const start = performance.now();
    await work(index);
    await delay(Math.max(0, pause() - (performance.now() - start)), undefined, { signal }).catch(() => undefined);
  }
}
