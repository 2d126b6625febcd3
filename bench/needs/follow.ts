import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createMemoryGroup } from '../../test/kit/memory-cgroup.ts';
import type { Upstream } from '../../test/kit/upstream.ts';
import { diskOf } from '../disk.ts';
import { size } from '../size.ts';
import type { Mode } from './modes.ts';
import type { Subject } from './subjects.ts';

export const UPDATES = size('BENCH_ROUNDS', { full: 3, smoke: 1 });
/** The spare is made behind the publish. */
const SETTLE_MS = size('BENCH_NEEDS_SETTLE_MS', { full: 2000, smoke: 300 });
const PATIENCE_MS = size('BENCH_NEEDS_PATIENCE_MS', { full: 180_000, smoke: 30_000 });
const LOOK_MS = 20;

/** A repository on a server. */
export interface Served {
  readonly subject: Subject;
  readonly upstream: Upstream;
  readonly url: string;
}

/** What following it came to. */
export interface Outcome {
  /** The first sync and all updates succeeded in one process. */
  readonly works: boolean;
  /** Bytes at any moment; measured only without a bound. */
  readonly mostDisk: number;
  /** From the start, and from each push, until it is there. */
  readonly firstMs: number;
  readonly updatesMs: readonly number[];
  /** git processes that the kernel ended. */
  readonly kills: number;
  /** Of the process at rest, in KiB. */
  readonly anonymousKib: number;
}

/** The first sync and some updates. @param limitMib of memory for everything; undefined for no bound */
export async function follow(mode: Mode, served: Served, limitMib: number | undefined): Promise<Outcome> {
  const { subject, upstream, url } = served;
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-needs-'));
  const place = { url, directory };
  const group = limitMib === undefined ? undefined : createMemoryGroup(limitMib);
  if (limitMib !== undefined && !group) throw new Error('no control groups for memory here: run the bench as root');
  const child = spawn(resolve('dist/git-sidecar.cjs'), mode.args(place), {
    env: { PATH: process.env.PATH, HOME: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  group?.add(child.pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const gone = new Promise((done) => child.once('exit', done));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  let mostDisk = 0;
  const look = (): void => {
    if (limitMib === undefined) mostDisk = Math.max(mostDisk, diskOf(directory));
  };
  /** @returns milliseconds, or undefined when it does not come */
  const reaches = async (oid: string): Promise<number | undefined> => {
    const start = performance.now();
    while (performance.now() < start + PATIENCE_MS && !hasEnded()) {
      look();
      try {
        if (mode.reached(place, output) === oid) return performance.now() - start;
      } catch {
        // Nothing to ask yet.
      }
      await delay(LOOK_MS);
    }
    return undefined;
  };
  const firstMs = await reaches(upstream.head());
  const updatesMs: number[] = [];
  for (let round = 0; firstMs !== undefined && round < UPDATES; round += 1) {
    subject.change(upstream, Math.floor(Math.random() * 1e9));
    const took = await reaches(upstream.commit({}));
    if (took === undefined) break;
    updatesMs.push(took);
    const settled = performance.now() + SETTLE_MS;
    while (performance.now() < settled) {
      look();
      await delay(LOOK_MS);
    }
  }
  const works = updatesMs.length === UPDATES && !hasEnded();
  const status = works ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : '';
  const anonymousKib = Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  const kills = group?.kills ?? 0;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
  group?.endAll();
  for (let tries = 0; group && tries < 200 && !group.isEmpty; tries += 1) await delay(50);
  group?.remove();
  rmSync(directory, { recursive: true, force: true });
  return { works, mostDisk, firstMs: firstMs ?? 0, updatesMs, kills, anonymousKib };
}
