import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isOfKind } from '../model/error.ts';
import { deadline } from '../platform/deadline.ts';
import type { Logger } from '../platform/log.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { type Git, type GitOutput, type GitRunOptions, withRun } from './git.ts';

export interface SharedSshOptions {
  /** Where the sockets of shared connections are (ssh_config, ControlPath); undefined: no connection is shared. */
  readonly directory: string | undefined;
  readonly runner: ProcessRunner;
  readonly environment: () => Environment;
}

/** How long ssh may take to end a connection; its process is on this machine. */
const EXIT_MS = 500;

/** The connections that git's ssh leaves open for the next command. */
export class SharedSsh {
  readonly #options: SharedSshOptions;

  constructor(options: SharedSshOptions) {
    this.#options = options;
  }

  async isOpen(): Promise<boolean> {
    return (await this.#sockets()).length > 0;
  }

  /** Ends them all, dead ones too. */
  async close(): Promise<void> {
    const { runner, environment } = this.#options;
    const end = async (path: string): Promise<void> => {
      const args = ['-o', `ControlPath=${path}`, '-O', 'exit', 'shared-connection'];
      await runner.run({ file: 'ssh', args, env: environment(), timeoutMs: EXIT_MS }).catch(() => undefined);
      // Whatever became of that process, the next command opens a connection of its own.
      await rm(path, { force: true }).catch(() => undefined);
    };
    await Promise.all((await this.#sockets()).map(end));
  }

  /** {@link close}, and removes the directory where it is for sockets alone. */
  async dispose(privateDirectory: string): Promise<void> {
    const { directory } = this.#options;
    await this.close();
    if (directory !== undefined && directory !== privateDirectory)
      await removeTree({ root: dirname(directory), path: directory });
  }

  async #sockets(): Promise<string[]> {
    const { directory } = this.#options;
    if (directory === undefined) return [];
    const names = await readdir(directory).catch(() => [] as string[]);
    return names.filter((name) => /^[0-9a-f]{40}$/.test(name)).map((name) => join(directory, name));
  }
}

/** How long a question over a connection that was used before may take, in milliseconds; see `HttpQuestion`. */
const PATIENCE_MS = 10_000;
const MOST_PATIENCE_MS = 300_000;

/**
 * A git that takes nothing for a failure of the server that is one of an old connection: a firewall may have forgotten
 * it, or the server ended it. Then the connection is closed and the command is run once more, on a new one.
 */
export function overSharedSsh(git: Git, shared: SharedSsh, log: Logger): Git {
  let patienceMs = PATIENCE_MS;

  const firstTry = async (args: readonly string[], options: GitRunOptions): Promise<GitOutput> => {
    // A command that brings objects may take long; there ssh itself notices that the server does not answer
    // (ServerAliveInterval).
    if (options.overNetwork !== 'question' || !options.signal) return await git.run(args, options);
    const limit = deadline(options.signal, patienceMs);
    try {
      return await git.run(args, { ...options, signal: limit.signal });
    } finally {
      limit.dispose();
    }
  };

  return withRun(git, async (args, options) => {
    if (options.overNetwork === undefined || !(await shared.isOpen())) return await git.run(args, options);
    try {
      return await firstTry(args, options);
    } catch (error) {
      if (!isOfKind(error, 'no-answer', 'too-slow') || options.signal?.aborted) throw error;
      log.info(1, 'asked again on a new ssh connection', { op: options.op, reason: error.detail });
    }
    await shared.close();
    const before = performance.now();
    const output = await git.run(args, options);
    // It was the server that is slow.
    if (options.overNetwork === 'question')
      patienceMs = Math.min(MOST_PATIENCE_MS, Math.max(PATIENCE_MS, 2 * (performance.now() - before)));
    return output;
  });
}
