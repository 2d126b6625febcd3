import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import type { CommandResult, Environment, ProcessRunner } from '../platform/process/runner.ts';
import { classifyGitFailure } from './classify.ts';
import type { GitMemory } from './memory.ts';
import { subCommandFirst } from './sub-command-first.ts';

export interface GitRunOptions {
  /** What is being done, for errors: `fetch`, `check out`. */
  readonly op: string;
  /** On what, for errors; never with a secret. */
  readonly target?: string;
  readonly cwd?: string;
  readonly stdin?: string | Buffer | AsyncIterable<Buffer>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** More variables for this one command. */
  readonly env?: Environment;
  /** Exit statuses besides 0 that are an answer, not a failure. */
  readonly accept?: readonly number[];
  readonly onStderr?: (chunk: string) => void;
  /** It talks to a git server and may be run again: a short `question`, or one that brings `objects`. */
  readonly overNetwork?: 'question' | 'objects';
  /** Bytes of stdout that are kept; see {@link GitOutput.truncated}. */
  readonly maxOutputBytes?: number;
  /** See `CommandSpec`. */
  readonly niceness?: number;
  /** See `CommandSpec`. */
  readonly stdoutSink?: (chunk: Buffer) => Promise<void>;
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  /** The same as bytes: for paths, which need not be text. */
  readonly bytes: Buffer;
  readonly stderr: string;
  /** stdout was too long to be kept whole. */
  readonly truncated: boolean;
}

/** The only way to a git process. */
export interface Git {
  /**
   * Runs git with `args`.
   * @throws SidecarError typed by what git said; ERR_GIT_TIMEOUT when we ended it; ERR_GIT_MEMORY when it was out of
   *   memory; ERR_GIT_KILLED when anything else ended it; ERR_GIT_MISSING
   */
  run(args: readonly string[], options: GitRunOptions): Promise<GitOutput>;
  /** Memory matters more than time. */
  readonly isTight?: boolean;
  /** So many objects are about to be stored and checked out; see `GitMemory`. */
  expectObjects?(count: number): void;
  /** Processes started so far. */
  readonly started: number;
}

/** The same git, whose commands stand back by `niceness` where they have none of their own; see `CommandSpec`. */
export function standingBack(git: Git, niceness: () => number): Git {
  return {
    run: async (args, options) => await git.run(args, { niceness: niceness(), ...options }),
    ...(git.expectObjects && { expectObjects: (count: number) => git.expectObjects?.(count) }),
    get isTight() {
      return git.isTight === true;
    },
    get started() {
      return git.started;
    },
  };
}

export interface GitOptions {
  /** Program name or path. */
  readonly program: string;
  readonly runner: ProcessRunner;
  readonly log: Logger;
  /** The whole environment, asked for before each command so that rotated secrets are used. */
  readonly environment: () => Environment;
  readonly cwd: string;
  readonly memory?: GitMemory;
  /** Of commands that have none of their own; see `CommandSpec`. */
  readonly niceness?: number;
}

export function createGit(options: GitOptions): Git {
  let started = 0;

  const start = async (args: readonly string[], run: GitRunOptions): Promise<CommandResult> => {
    const env = { ...options.environment(), ...run.env };
    const call = subCommandFirst(args, env);
    const niceness = run.niceness ?? options.niceness;
    try {
      return await options.runner.run({
        file: options.program,
        args: call.args,
        cwd: run.cwd ?? options.cwd,
        isExpendable: true,
        env: { ...env, ...call.variables },
        ...(run.stdin !== undefined && { stdin: run.stdin }),
        ...(run.signal && { signal: run.signal }),
        ...(run.timeoutMs !== undefined && { timeoutMs: run.timeoutMs }),
        ...(run.onStderr && { onStderr: run.onStderr }),
        ...(run.maxOutputBytes !== undefined && { maxOutputBytes: run.maxOutputBytes }),
        ...(niceness !== undefined && { niceness }),
        ...(run.stdoutSink && { stdoutSink: run.stdoutSink }),
      });
    } catch (error) {
      // What feeds the command failed, not the command.
      if (error instanceof SidecarError) throw error;
      const missing = ['ENOENT', 'EACCES', 'ENOEXEC'].includes(systemCode(error) ?? '');
      throw new SidecarError(missing ? 'ERR_GIT_MISSING' : 'ERR_GIT_FAILED', {
        op: run.op,
        target: options.program,
        detail: messageOf(error),
        cause: error,
      });
    }
  };

  return {
    get started() {
      return started;
    },
    get isTight() {
      return options.memory?.isTight === true;
    },
    expectObjects: (count) => options.memory?.expect(count),
    run: async (args, run) => {
      started += 1;
      const before = performance.now();
      const result = await start(args, run);
      options.log.info(5, 'git', {
        args: args.join(' '),
        status: result.code ?? result.signal,
        ms: Math.round(performance.now() - before),
      });
      const target = run.target === undefined ? {} : { target: run.target };
      if (result.endedBy) {
        const isLate = result.endedBy === 'timeout' || isTimeout(run.signal);
        const detail = isLate ? 'it ran out of time' : 'it was interrupted';
        throw new SidecarError('ERR_GIT_TIMEOUT', { op: run.op, ...target, detail, isLate });
      }
      if (result.code === 0 || (result.code !== null && run.accept?.includes(result.code))) {
        const { code, stdout: bytes, stderr, truncated } = result;
        return {
          code,
          bytes,
          get stdout() {
            return bytes.toString();
          },
          stderr,
          truncated,
        };
      }
      const starved = options.memory?.failureOf(run.op, run.target, result);
      if (starved) throw starved;
      const killer = killerOf(result);
      if (killer !== undefined)
        throw new SidecarError('ERR_GIT_KILLED', { op: run.op, ...target, detail: `${killer} ended it` });
      throw classifyGitFailure(run.op, run.target, result.code, result.stderr);
    },
  };
}

/** git reports a process of its own that a signal ended with `died of signal N` (run-command.c); a shell with 128+N. */
const KILLING = new Map([
  [6, 'SIGABRT'],
  [9, 'SIGKILL'],
  [11, 'SIGSEGV'],
  [15, 'SIGTERM'],
]);

/** The same git, run in another way; whatever else it says stays what it says. */
export function withRun(git: Git, run: Git['run']): Git {
  return {
    get started() {
      return git.started;
    },
    get isTight() {
      return git.isTight === true;
    },
    expectObjects: (count) => git.expectObjects?.(count),
    run,
  };
}

/** The signal that ended a git process, or one that it started; undefined when it failed by itself. */
function killerOf({ code, signal, stderr }: CommandResult): string | undefined {
  if (signal !== null) return signal;
  const ofChild = /\bdied of signal (\d+)/.exec(stderr)?.[1];
  return KILLING.get(ofChild === undefined ? (code ?? 0) - 128 : Number(ofChild));
}

function isTimeout(signal: AbortSignal | undefined): boolean {
  return signal?.reason instanceof Error && signal.reason.name === 'TimeoutError';
}
