import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SidecarError, systemCode } from '../model/error.ts';
import type { CommandResult, Environment, ProcessRunner } from '../platform/process/runner.ts';
import { removeTree } from '../platform/remove-tree.ts';

const PREFIX = 'verify-';
/** Far more than any check takes: a program that waits for something is ended. */
const LONGEST_MS = 30_000;

export interface HomeOptions {
  readonly runner: ProcessRunner;
  /** Private directory of this process. */
  readonly directory: string;
  /** Where programs are looked for, and the mark of this process; nothing else of the user's environment. */
  readonly environment: Environment;
}

/** Removes homes that a killed process left. */
export async function removeLeftHomes(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [] as string[]);
  for (const name of names)
    if (name.startsWith(PREFIX)) await removeTree({ root: directory, path: join(directory, name) });
}

/** A directory that programs get as their home for one check of a revision; nothing of it is used again. */
export class Home {
  readonly path: string;
  readonly #options: HomeOptions;
  readonly #signal: AbortSignal;
  #files = 0;

  private constructor(options: HomeOptions, path: string, signal: AbortSignal) {
    this.#options = options;
    this.path = path;
    this.#signal = signal;
  }

  /** Makes a home, works with it and removes it, whatever happens. */
  static async use<Result>(
    options: HomeOptions,
    signal: AbortSignal,
    work: (home: Home) => Promise<Result>,
  ): Promise<Result> {
    // Of mode 0700 by mkdtemp(3).
    const home = new Home(options, await mkdtemp(join(options.directory, PREFIX)), signal);
    try {
      return await work(home);
    } finally {
      await removeTree({ root: options.directory, path: home.path });
    }
  }

  /** Writes a file of that name, or of a new one. @returns its path */
  async write(content: string | Buffer, name = `${this.#files++}`): Promise<string> {
    const path = join(this.path, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  /**
   * Runs a program in it; whatever it leaves running is ended with it.
   * @throws SidecarError ERR_VERIFY_PROGRAM when it cannot be started or does not end
   */
  async run(file: string, args: readonly string[], stdin?: Buffer): Promise<CommandResult> {
    const { runner, environment } = this.#options;
    const env = { ...environment, HOME: this.path, GNUPGHOME: this.path, LC_ALL: 'C', TZ: 'UTC' };
    const how = { cwd: this.path, timeoutMs: LONGEST_MS, signal: this.#signal, isExpendable: true };
    let result: CommandResult;
    try {
      result = await runner.run({ file, args, env, ...how, ...(stdin && { stdin }) });
    } catch (error) {
      this.#signal.throwIfAborted();
      const isMissing = systemCode(error) === 'ENOENT';
      throw programError(file, isMissing ? 'it is in no directory of PATH' : 'it cannot be started', error);
    }
    this.#signal.throwIfAborted();
    if (result.code === null) throw programError(file, result.endedBy ? 'it did not end' : `${result.signal} ended it`);
    return result;
  }
}

/** A program that checks signatures is missing or failed. */
export function programError(program: string, detail: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_VERIFY_PROGRAM', { op: 'check a signature with', target: program, detail, cause });
}
