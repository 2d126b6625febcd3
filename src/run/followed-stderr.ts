import { randomUUID } from 'node:crypto';
import { close, constants, open } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, SidecarError } from '../model/error.ts';
import { settledWithin } from '../platform/bounded.ts';
import { findProgram } from '../platform/find-program.ts';
import { passOn } from '../platform/pass-on.ts';
import { type Heir, startHeir } from '../platform/process/heir.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';
import { OutputTail } from './output-tail.ts';
import { SHELL } from './shell-line.ts';

const openFile = promisify(open);
const closeFile = promisify(close);

/** Making a named pipe is one system call. */
const PIPE_TIMEOUT_MS = 5000;
/** What a process wrote right before its end is there by then; what it started may hold the pipe for longer. */
const LINGER_MS = 200;

/**
 * Passes on what comes on its input, when the other side of descriptor 3 is gone without a word. That side is us: a
 * process that outlives us must be able to write as before, and a pipe that nobody reads would end it.
 */
const HEIR = 'read -r _ <&3 && exit 0\nexec 3<&-\nuntil cat; do sleep 1; done';

export interface FollowedStderrOptions {
  /** Of ours, for a moment. */
  readonly directory: string;
  readonly env: Environment;
  readonly runner: ProcessRunner;
  /** The descriptor that gets all of it. */
  readonly to: number;
  /** How many lines are wanted. */
  readonly lines: number;
}

/**
 * The standard error of one process, which is passed on unchanged, and of which the last lines are kept. It is a named
 * pipe, because only of such a one can several processes have a description each: the process has one that blocks, we
 * have one that does not, and the heir has one of its own. Each of them sees the end when all writers are gone.
 */
export class FollowedStderr {
  /** For the process; to be closed by {@link started}. */
  readonly descriptor: number;
  readonly #tail = new OutputTail();
  readonly #heir: Heir;
  /** Everything that comes was passed on, to the end. */
  readonly #over: Promise<void>;

  readonly #most: number;

  private constructor(reader: number, writer: number, heir: Heir, { to, lines }: FollowedStderrOptions) {
    this.descriptor = writer;
    this.#heir = heir;
    this.#most = lines;
    this.#over = this.#follow(new Socket({ fd: reader, readable: true, writable: false }), to);
  }

  /** @throws SidecarError ERR_RUN_COMMAND where it cannot be made here */
  static async open(options: FollowedStderrOptions): Promise<FollowedStderr> {
    const { directory, env, runner, to } = options;
    const path = join(directory, `stderr.${randomUUID()}`);
    const held: number[] = [];
    const hold = async (flags: number): Promise<number> => {
      const descriptor = await openFile(path, flags);
      held.push(descriptor);
      return descriptor;
    };
    try {
      for (const program of [SHELL, 'mkfifo', 'cat', 'sleep'])
        if (!(await findProgram(program, env.PATH))) throw new Error(`there is no ${program}`);
      const args = ['-m', '600', path];
      const made = await runner.run({ file: 'mkfifo', args, env, timeoutMs: PIPE_TIMEOUT_MS });
      if (made.code !== 0) throw new Error(made.stderr.trim());
      // In this order none of them waits for the other side.
      const reader = await hold(constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = await hold(constants.O_WRONLY);
      const second = await hold(constants.O_RDONLY);
      const heir = await startHeir({ file: SHELL, args: ['-c', HEIR], env, input: second, output: to });
      await closeFile(second);
      return new FollowedStderr(reader, writer, heir, options);
    } catch (error) {
      for (const descriptor of held) await closeFile(descriptor).catch(() => undefined);
      const detail = `its output cannot be followed: ${messageOf(error)}`;
      throw new SidecarError('ERR_RUN_COMMAND', { op: 'follow the output of the process', detail, cause: error });
    } finally {
      await unlink(path).catch(() => undefined);
    }
  }

  /** The process has the descriptor now, or could not be started. */
  async started(): Promise<void> {
    await closeFile(this.descriptor);
  }

  /** Resolves when all that the process wrote was passed on, or a little later, when something else holds the pipe. */
  async settled(): Promise<void> {
    await settledWithin(this.#over, LINGER_MS);
  }

  /** The last lines, as they were written: they may hold secrets. */
  get lines(): readonly string[] {
    return this.#tail.lines(this.#most);
  }

  async #follow(stream: Socket, to: number): Promise<void> {
    // What goes on holding the pipe does not keep us.
    stream.unref();
    try {
      for await (const chunk of stream) {
        this.#tail.take(chunk as Buffer);
        await passOn(to, chunk as Buffer);
      }
    } catch {
      // A pipe has no errors to read other than its end.
    }
    this.#heir.dismiss();
  }
}
