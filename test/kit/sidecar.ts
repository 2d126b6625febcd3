import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { afterEach } from 'vitest';
import { until } from '../peers/wait.ts';

const running = new Set<ChildProcess>();

afterEach(async () => {
  await Promise.all([...running].map(end));
});

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((done) => child.once('close', done));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(timer);
}

export interface LogLine {
  readonly msg: string;
  readonly error?: string;
  readonly code?: string;
  readonly [key: string]: unknown;
}

export interface ExitResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const DIST = resolve('dist');

/** A running git-sync (or git-sidecar), from the bundle, with nothing of the tests' environment. */
export class Sidecar {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exited: Promise<ExitResult>;

  constructor(
    args: readonly string[],
    env: Record<string, string> = {},
    options: { command?: string; cwd?: string; node?: boolean; within?: readonly string[] } = {},
  ) {
    const [file = '', ...words] = [
      ...(options.within ?? []),
      join(DIST, `${options.command ?? 'git-sync'}.cjs`),
      ...args,
    ];
    this.child = spawn(file, words, {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
      cwd: options.cwd ?? '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.exited = new Promise((done) => {
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        done({ code, signal });
      });
    });
  }

  get logs(): LogLine[] {
    return this.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The first log line whose message holds `text`. */
  async logged(text: string, timeoutMs = 20_000): Promise<LogLine> {
    return await until(
      () => `"${text}" is logged; so far:\n${this.stderr.slice(-3000)}`,
      () =>
        this.logs.find((line) => line.msg.includes(text) || (line.error ?? '').includes(text) || line.code === text),
      timeoutMs,
    );
  }

  count(message: string): number {
    return this.logs.filter((line) => line.msg.includes(message)).length;
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ExitResult> {
    this.kill(signal);
    return await this.exited;
  }
}

export function sidecar(args: readonly string[], env: Record<string, string> = {}): Sidecar {
  return new Sidecar(args, env);
}

/** Runs to the end. */
export async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  command = 'git-sync',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const process = new Sidecar(args, env, { command });
  const { code } = await process.exited;
  return { code, stdout: process.stdout, stderr: process.stderr };
}

/** The commit that the link is named after; undefined while there is no link. */
export function published(link: string): string | undefined {
  try {
    return basename(readlinkSync(link)).replace(/^rev-/, '');
  } catch {
    return undefined;
  }
}

export function read(...path: string[]): string | undefined {
  try {
    return readFileSync(join(...path), 'utf8');
  } catch {
    return undefined;
  }
}

export async function untilPublished(link: string, oid: string, process?: Sidecar): Promise<void> {
  await until(
    () => `${oid} is published at ${link}\n${process?.stderr.slice(-3000) ?? ''}`,
    () => published(link) === oid,
  );
}
