import { type ChildProcess, spawn } from 'node:child_process';
import { settledWithin } from '../bounded.ts';
import { killFirst } from './kill-first.ts';
import { signalGroup } from './signal-group.ts';
import { Capture, Drain, feed } from './streams.ts';
import { yieldCores } from './yield-cores.ts';

/** Environment of a child, whole: nothing is inherited that is not in here. */
export type Environment = Readonly<Record<string, string>>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

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
  /** Called with its process id, which is that of its process group, when it was started. */
  readonly onStart?: (pid: number) => void;
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
  /** 1 to 19: where cores are short, the others come first. Default 0. */
  readonly niceness?: number;
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
  /**
   * Resolves when the command has exited, also when another process still holds its pipes; at the latest about a second
   * after it was ended. Rejects only when it cannot be started (ENOENT, EACCES, …), and with what the source of its
   * input throws.
   */
  run(spec: CommandSpec): Promise<CommandResult>;
  /** Ends every group that is still running: SIGTERM, then SIGKILL after a grace period. */
  endAll(): Promise<void>;
}

/** From SIGTERM to SIGKILL: long enough for git to remove its lock files, short of the 2 s that shutdown may take. */
const GRACE_MS = 700;
/** How long a process may take to vanish after SIGKILL before we go on without it: one that waits in the kernel cannot. */
const DEATH_MS = 500;
/** How long a pipe may stay open after the command exited, held by a grandchild. */
const PIPE_LINGER_MS = 100;

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** A command that runs, and how it is ended. */
class Running {
  readonly child: ChildProcess;
  /** When it has exited; or, ended by us, when it could not be ended: it hangs in the kernel and dies when that lets go. */
  readonly gone: Promise<Exit>;
  endedBy: CommandResult['endedBy'];
  readonly #ended = new AbortController();
  #giveUp: (exit: Exit) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    const abandoned = new Promise<Exit>((resolve) => {
      this.#giveUp = resolve;
    });
    this.gone = Promise.race([exitOf(child), abandoned]);
    this.gone.catch(() => undefined);
  }

  /** Fires when we end it, for whatever reason: nothing of it is waited for any more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  end(by: 'timeout' | 'abort'): void {
    if (this.endedBy) return;
    this.endedBy = by;
    this.#ended.abort();
    signalGroup(this.child.pid, 'SIGTERM');
    this.#timer = setTimeout(() => {
      signalGroup(this.child.pid, 'SIGKILL');
      this.#timer = setTimeout(() => this.#giveUp({ code: null, signal: 'SIGKILL' }), DEATH_MS);
    }, GRACE_MS);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    this.child.stdin?.destroy();
  }
}

const NOT_STARTED: CommandResult = {
  code: null,
  signal: null,
  stdout: Buffer.alloc(0),
  stderr: '',
  truncated: false,
  endedBy: 'abort',
};

export function createProcessRunner(): ProcessRunner {
  const commands = new Set<Running>();

  const run = async (spec: CommandSpec): Promise<CommandResult> => {
    if (spec.signal?.aborted) {
      await feed(null, spec.stdin, spec.signal);
      return NOT_STARTED;
    }
    const child = spawn(spec.file, [...spec.args], {
      cwd: spec.cwd,
      env: spec.env as NodeJS.ProcessEnv,
      stdio: [spec.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    if (child.pid !== undefined) spec.onStart?.(child.pid);
    if (spec.isExpendable) killFirst(child.pid);
    if (spec.niceness) yieldCores(child.pid, spec.niceness);
    const limit = spec.maxOutputBytes ?? 8 * 1024 * 1024;
    const drain = spec.stdoutSink && new Drain(child.stdout, spec.stdoutSink);
    const stdout = new Capture(drain ? null : child.stdout, limit, spec.onStdout);
    const stderr = new Capture(child.stderr, limit, spec.onStderr);
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const command = new Running(child);
    commands.add(command);

    const over = new AbortController();
    const onAbort = (): void => command.end('abort');
    const timer = spec.timeoutMs === undefined ? undefined : setTimeout(() => command.end('timeout'), spec.timeoutMs);
    spec.signal?.addEventListener('abort', onAbort, { once: true });

    try {
      const fed = feed(child.stdin, spec.stdin, over.signal).catch((error: unknown) => {
        command.end('abort');
        return { error };
      });
      const { code, signal } = await command.gone;
      over.abort();
      const failure = await fed;
      if (failure && !spec.signal?.aborted) throw failure.error;
      if (command.endedBy || spec.endGroup !== false) signalGroup(child.pid, 'SIGKILL');
      // What was written before the end still has to be taken, by a sink that may be slow or may have stopped.
      if (drain) await drain.settled(PIPE_LINGER_MS, command.ended);
      await settledWithin(closed, PIPE_LINGER_MS);
      const texts = { stdout: stdout.bytes(), stderr: stderr.bytes().toString() };
      return { code, signal, ...texts, truncated: stdout.truncated, endedBy: command.endedBy };
    } finally {
      over.abort();
      clearTimeout(timer);
      spec.signal?.removeEventListener('abort', onAbort);
      command.release();
      commands.delete(command);
    }
  };

  const endAll = async (): Promise<void> => {
    const all = [...commands];
    for (const command of all) command.end('abort');
    await Promise.allSettled(all.map(({ gone }) => gone));
  };

  return { run, endAll };
}
