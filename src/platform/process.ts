import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Environment of a child, whole: nothing is inherited that is not in here. */
export type Environment = Readonly<Record<string, string>>;

export interface CommandSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd?: string;
  /** Written to standard input, which is then closed. */
  readonly stdin?: string | Buffer;
  /** Ends the whole process group when it fires. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the whole process group is ended. */
  readonly timeoutMs?: number;
  /** Most bytes kept of each of stdout and stderr; what comes after is dropped. Default 8 MiB. */
  readonly maxOutputBytes?: number;
  /** Called with each piece of stderr as it comes, for progress. */
  readonly onStderr?: (chunk: string) => void;
  /** Ends what the command left running in its process group once it has exited. Default true. */
  readonly endGroup?: boolean;
}

export interface CommandResult {
  /** Exit status, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
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
    const limit = spec.maxOutputBytes ?? 8 * 1024 * 1024;
    const stdout = new Capture(child.stdout, limit);
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
      if (spec.stdin !== undefined) {
        child.stdin?.on('error', () => undefined);
        child.stdin?.end(spec.stdin);
      }
      const { code, signal } = await exited;
      if (endedBy || spec.endGroup !== false) signalGroup(child, 'SIGKILL');
      await Promise.race([closed, linger(PIPE_LINGER_MS)]);
      return { code, signal, stdout: stdout.bytes(), stderr: stderr.bytes().toString(), endedBy };
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
