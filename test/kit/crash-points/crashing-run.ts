import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { delay } from '../../peers/wait.ts';
import type { Place } from './place.ts';

const PROGRAM = resolve('dist/git-sync.cjs');
const PRELOAD = resolve('test/kit/crash-points/preload.cjs');
const LIMIT_MS = 60_000;

export interface RunResult {
  /** It was killed at its point. */
  readonly isKilled: boolean;
  readonly stderr: string;
  /** Names of the points that it passed, in their order. */
  readonly points: readonly string[];
}

/** A sync of `place`, from the bundle, with nothing of the tests' environment. */
class Sync {
  readonly child: ChildProcess;
  readonly ended: Promise<NodeJS.Signals | null>;
  stderr = '';

  constructor(place: Place, args: readonly string[], env: Readonly<Record<string, string>>) {
    const base = [`--repo=${place.url}`, `--root=${place.root}`, '-v=4'];
    this.child = spawn(PROGRAM, [...base, ...args], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', TMPDIR: place.tmp, ...env },
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.ended = new Promise((done) => this.child.once('close', (_code, signal) => done(signal)));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until `isDone`, or until it has ended. @throws Error with the end of its log */
  async until(what: string, isDone: () => boolean): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
    while (!this.isGone && !isDone()) {
      await delay(5);
      if (performance.now() < deadline) continue;
      this.child.kill('SIGKILL');
      throw new Error(`not in time: ${what}\n${this.said}`);
    }
  }

  /** What it logged, but for the lines that come every period. */
  get said(): string {
    const lines = this.stderr.split('\n').filter((line) => !/"(?:polled|next sync)"/.test(line));
    return lines.join('\n').slice(-3000);
  }

  async stop(): Promise<NodeJS.Signals | null> {
    this.child.kill('SIGTERM');
    return await this.ended;
  }
}

/**
 * Runs a sync for one cycle and stops it, with its operations numbered.
 * @param at the point behind which it is killed; undefined: it runs to its end
 */
export async function runOneCycle(place: Place, args: readonly string[], at: string | undefined): Promise<RunResult> {
  const log = join(place.dir, 'points');
  rmSync(log, { force: true });
  const sync = new Sync(place, [...args, '--period=1h'], {
    NODE_OPTIONS: `--require=${PRELOAD}`,
    CRASH_AREA: place.dir,
    CRASH_LOG: log,
    CRASH_NAMES: JSON.stringify({ [place.newest]: 'NEW', [place.before]: 'OLD' }),
    CRASH_AT: at ?? '',
  });
  await sync.until('a cycle is over', () => sync.stderr.includes('"next sync"'));
  const isKilled = (await sync.stop()) === 'SIGKILL';
  return { isKilled, stderr: sync.stderr, points: readFileSync(log, 'utf8').split('\n').filter(Boolean) };
}

/**
 * Runs a sync to which nothing is done until nothing is left to do, and stops it.
 * @param whatIsLeft what is not as it should be
 */
export async function recover(
  place: Place,
  args: readonly string[],
  whatIsLeft: () => readonly string[],
): Promise<void> {
  const sync = new Sync(place, [...args, '--period=30ms'], {});
  let left: readonly string[] = [];
  const isDone = (): boolean => {
    // Its first cycle looks at what it found.
    left = sync.stderr.includes('"next sync"') ? whatIsLeft() : ['a first cycle'];
    return left.length === 0;
  };
  try {
    await sync.until('it recovers', isDone);
  } catch (error) {
    throw new Error(
      `it does not recover, ${left.join(', ')} is left: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (sync.isGone) throw new Error(`it ended: ${sync.said}`);
  await sync.stop();
}
