import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import type { CommandResult, Environment, ProcessRunner } from '../platform/process.ts';
import { classifyGitFailure } from './classify.ts';
import type { GitMemory } from './memory.ts';

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
  /** See `CommandSpec`. */
  readonly stdoutSink?: (chunk: Buffer) => Promise<void>;
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout was too long to be kept whole. */
  readonly truncated: boolean;
}

/** The only way to a git process. */
export interface Git {
  /**
   * Runs git with `args`.
   * @throws SidecarError typed by what git said; ERR_GIT_TIMEOUT when it was ended; ERR_GIT_MEMORY; ERR_GIT_MISSING
   */
  run(args: readonly string[], options: GitRunOptions): Promise<GitOutput>;
  /** Memory matters more than time. */
  readonly isTight?: boolean;
  /** Processes started so far. */
  readonly started: number;
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
}

export function createGit(options: GitOptions): Git {
  let started = 0;

  const start = async (args: readonly string[], run: GitRunOptions): Promise<CommandResult> => {
    try {
      return await options.runner.run({
        file: options.program,
        args,
        cwd: run.cwd ?? options.cwd,
        isExpendable: true,
        env: { ...options.environment(), ...run.env },
        ...(run.stdin !== undefined && { stdin: run.stdin }),
        ...(run.signal && { signal: run.signal }),
        ...(run.timeoutMs !== undefined && { timeoutMs: run.timeoutMs }),
        ...(run.onStderr && { onStderr: run.onStderr }),
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
        const detail =
          result.endedBy === 'timeout' || isTimeout(run.signal) ? 'it ran out of time' : 'it was interrupted';
        throw new SidecarError('ERR_GIT_TIMEOUT', { op: run.op, ...target, detail });
      }
      if (result.code === 0 || (result.code !== null && run.accept?.includes(result.code))) {
        const { code, stderr, truncated } = result;
        return { code, stdout: result.stdout.toString(), stderr, truncated };
      }
      throw (
        options.memory?.failureOf(run.op, run.target, result) ??
        classifyGitFailure(run.op, run.target, result.code, result.stderr)
      );
    },
  };
}

function isTimeout(signal: AbortSignal | undefined): boolean {
  return signal?.reason instanceof Error && signal.reason.name === 'TimeoutError';
}
