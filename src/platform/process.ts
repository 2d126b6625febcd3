import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { settledWithin } from './bounded.ts';
import { killFirst } from './kill-first.ts';
import { ownNode } from './own-node.ts';
import { Capture, Drain, feed } from './process-streams.ts';
import { yieldCores } from './yield-cores.ts';

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

/** @param leader its process id; undefined: it was not started */
export function signalGroup(leader: number | undefined, name: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, name);
  } catch {
    // The group is gone already.
  }
}

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

export interface LongRunningSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  /** The descriptor that is its standard error; undefined: ours. */
  readonly stderr?: number | undefined;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that is expected to stay, with its own session and process group; it writes where we write. */
export interface LongRunning {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  /** Signals the process; one that is gone is no error. */
  signal(name: NodeJS.Signals): void;
  /** Signals the process and everything that it started and that stayed in its group. */
  signalGroup(name: NodeJS.Signals): void;
}

/** @returns the process, once it runs; rejects when it cannot be started (ENOENT, EACCES, …) */
export async function startLongRunning({ file, args, env, cwd, stderr }: LongRunningSpec): Promise<LongRunning> {
  const child = spawn(file, [...args], {
    cwd,
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'inherit', stderr ?? 'inherit'],
    detached: true,
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    // Once it runs, an error is only a signal that could not be sent (EPERM).
    child.on('error', reject);
  });
  return {
    pid: child.pid ?? 0,
    exited,
    signal: (name) => void child.kill(name),
    signalGroup: (name) => signalGroup(child.pid, name),
  };
}

export interface PartnerSpec {
  /** A program of ours. */
  readonly program: string;
  /** Most memory for its JavaScript. */
  readonly heapMiB: number;
  readonly onMessage: (message: unknown) => void;
  /** Also when it could not be started. */
  readonly onExit: () => void;
}

/** A process of ours that works for this one, and ends with it. */
export interface Partner {
  /** What does not reach it, `onExit` follows. */
  send(message: object): void;
}

/** Does not keep a process that has nothing else to do. */
export function startPartner({ program, heapMiB, onMessage, onExit }: PartnerSpec): Partner {
  const node = ownNode();
  const child = spawn(node.file, [...node.args, `--max-old-space-size=${heapMiB}`, program], {
    // With a session of its own it gets no signal of a terminal.
    ...{ detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced' },
    // As little memory as it can have: one arena of malloc(3).
    env: { MALLOC_ARENA_MAX: '1' },
  });
  child.unref();
  child.channel?.unref();
  child.on('message', onMessage).once('exit', onExit);
  child.on('error', () => {
    if (child.pid === undefined) onExit();
  });
  return { send: (message) => void child.send(message, () => undefined) };
}

export interface HeirSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** Descriptors that are its standard input, and its standard output and error. */
  readonly input: number;
  readonly output: number;
}

/** A process that waits for our end: descriptor 3 of it ends without a byte when we are gone. */
export interface Heir {
  /** It is not needed any more: it reads a line on descriptor 3. */
  dismiss(): void;
}

/** @returns the process, once it runs; rejects when it cannot be started. It does not keep us from ending. */
export async function startHeir({ file, args, env, input, output }: HeirSpec): Promise<Heir> {
  const child = spawn(file, [...args], {
    cwd: '/',
    env: env as NodeJS.ProcessEnv,
    stdio: [input, output, output, 'pipe'],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject);
  });
  const word = child.stdio[3] as Socket;
  word.on('error', () => undefined);
  word.unref();
  child.unref();
  return { dismiss: () => void word.end('\n') };
}
