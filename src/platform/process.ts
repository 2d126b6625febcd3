import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { killFirst } from './kill-first.ts';

/** Environment of a child, whole: nothing is inherited that is not in here. */
export type Environment = Readonly<Record<string, string>>;

export interface CommandSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd?: string;
  /** Written to standard input, which is then closed; when a source fails, the command is ended and `run` rejects. */
  readonly stdin?: string | Buffer | AsyncIterable<Buffer>;
  /** Ends the whole process group when it fires. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the whole process group is ended. */
  readonly timeoutMs?: number;
  /** Most bytes kept of each of stdout and stderr; what comes after is dropped. Default 8 MiB. */
  readonly maxOutputBytes?: number;
  /** Called with each piece of stdout as it comes. */
  readonly onStdout?: (chunk: string) => void;
  /** Takes stdout piece by piece instead of keeping it; the command waits while a promise is pending. */
  readonly stdoutSink?: (chunk: Buffer) => Promise<void>;
  /** Called with each piece of stderr as it comes, for progress. */
  readonly onStderr?: (chunk: string) => void;
  /** Ends what the command left running in its process group once it has exited. Default true. */
  readonly endGroup?: boolean;
  /** Can be started again: when memory is short, the kernel is to end it before us. */
  readonly isExpendable?: boolean;
}

export interface CommandResult {
  /** Exit status, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** More than `maxOutputBytes` came on stdout, and the rest of it was dropped. */
  readonly truncated: boolean;
  /** `timeout` or `abort` when we ended it. */
  readonly endedBy: 'timeout' | 'abort' | undefined;
}

/** Starts commands in process groups of their own and can end all of them. */
export interface ProcessRunner {
  /** Resolves when the command has exited; rejects only when it cannot be started (ENOENT, EACCES, …). */
  run(spec: CommandSpec): Promise<CommandResult>;
  /** Ends every group that is still running: SIGTERM, then SIGKILL after a grace period. */
  endAll(): Promise<void>;
}

/** From SIGTERM to SIGKILL: long enough for git to remove its lock files, short of the 2 s that shutdown may take. */
const GRACE_MS = 700;
/** How long a pipe may stay open after the command exited, held by a grandchild. */
const PIPE_LINGER_MS = 100;

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group is gone already.
  }
}

class Capture {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  readonly #limit: number;

  constructor(stream: Readable | null, limit: number, onChunk?: (chunk: string) => void) {
    this.#limit = limit;
    stream?.on('data', (chunk: Buffer) => {
      onChunk?.(chunk.toString());
      if (this.#size < this.#limit) this.#chunks.push(chunk.subarray(0, this.#limit - this.#size));
      this.#size += chunk.length;
    });
    stream?.on('error', () => undefined);
  }

  get truncated(): boolean {
    return this.#size > this.#limit;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function linger(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/**
 * Writes what a command is to read. A command that stops reading is its own affair: its exit status tells.
 * @throws what the source throws
 */
async function feed(stdin: Writable | null, source: CommandSpec['stdin']): Promise<undefined> {
  if (!stdin || source === undefined) return;
  stdin.on('error', () => undefined);
  if (typeof source === 'string' || Buffer.isBuffer(source)) {
    stdin.end(source);
    return;
  }
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      stdin.once('drain', resolve);
      stdin.once('close', resolve);
    });
  for await (const chunk of source) {
    if (stdin.destroyed) break;
    if (!stdin.write(chunk) && !stdin.destroyed) await drained();
  }
  stdin.end();
}

/** Hands the stream on to `sink`, at its pace. Resolves at the end. */
async function drain(stream: Readable | null, sink: (chunk: Buffer) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of stream ?? []) await sink(chunk as Buffer);
  } catch {
    // A pipe that breaks is told by the exit status; a sink that fails knows it.
  }
}

export function createProcessRunner(): ProcessRunner {
  const running = new Set<ChildProcess>();
  const finished = new Map<ChildProcess, Promise<unknown>>();

  const run = async (spec: CommandSpec): Promise<CommandResult> => {
    const child = spawn(spec.file, [...spec.args], {
      cwd: spec.cwd,
      env: spec.env as NodeJS.ProcessEnv,
      stdio: [spec.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    if (spec.isExpendable) killFirst(child.pid);
    const limit = spec.maxOutputBytes ?? 8 * 1024 * 1024;
    const drained = spec.stdoutSink && drain(child.stdout, spec.stdoutSink);
    const stdout = new Capture(drained ? null : child.stdout, limit, spec.onStdout);
    const stderr = new Capture(child.stderr, limit, spec.onStderr);
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const exited = exitOf(child);
    running.add(child);
    finished.set(
      child,
      exited.catch(() => undefined),
    );

    let endedBy: CommandResult['endedBy'];
    let killTimer: NodeJS.Timeout | undefined;
    const end = (by: 'timeout' | 'abort'): void => {
      if (endedBy) return;
      endedBy = by;
      signalGroup(child, 'SIGTERM');
      killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
    };
    const onAbort = (): void => end('abort');
    const timer = spec.timeoutMs === undefined ? undefined : setTimeout(() => end('timeout'), spec.timeoutMs);
    spec.signal?.addEventListener('abort', onAbort, { once: true });
    if (spec.signal?.aborted) onAbort();

    try {
      const fed = feed(child.stdin, spec.stdin).catch((error: unknown) => {
        end('abort');
        return { error };
      });
      const { code, signal } = await exited;
      const failure = await fed;
      if (failure && !spec.signal?.aborted) throw failure.error;
      if (endedBy || spec.endGroup !== false) signalGroup(child, 'SIGKILL');
      // What was written before the end still has to be taken.
      if (drained && !endedBy) await drained;
      await Promise.race([closed, linger(PIPE_LINGER_MS)]);
      const texts = { stdout: stdout.bytes(), stderr: stderr.bytes().toString() };
      return { code, signal, ...texts, truncated: stdout.truncated, endedBy };
    } finally {
      clearTimeout(timer);
      clearTimeout(killTimer);
      spec.signal?.removeEventListener('abort', onAbort);
      child.stdout?.destroy();
      child.stderr?.destroy();
      running.delete(child);
      finished.delete(child);
    }
  };

  const endAll = async (): Promise<void> => {
    if (running.size === 0) return;
    const waiting = [...finished.values()];
    for (const child of running) signalGroup(child, 'SIGTERM');
    const timer = setTimeout(() => {
      for (const child of running) signalGroup(child, 'SIGKILL');
    }, GRACE_MS);
    await Promise.all(waiting);
    clearTimeout(timer);
  };

  return { run, endAll };
}

export interface LongRunningSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that is expected to stay, with its own session and process group; it writes where we write. */
export interface LongRunning {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Signals the process; one that is gone is no error. */
  signal(name: NodeJS.Signals): void;
  /** Signals the process and everything that it started and that stayed in its group. */
  signalGroup(name: NodeJS.Signals): void;
}

/** @returns the process, once it runs; rejects when it cannot be started (ENOENT, EACCES, …) */
export async function startLongRunning({ file, args, env, cwd }: LongRunningSpec): Promise<LongRunning> {
  const child = spawn(file, [...args], {
    cwd,
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const exited = exitOf(child);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    exited.catch(reject);
  });
  return {
    pid: child.pid ?? 0,
    exited,
    signal: (name) => void child.kill(name),
    signalGroup: (name) => signalGroup(child, name),
  };
}
