import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { messageOf, SidecarError } from '../model/error.ts';
import { after, type Clock } from '../platform/clock.ts';
import { endMarked, type MarkedProcess } from '../platform/marked-processes.ts';
import { type LongRunning, startLongRunning } from '../platform/process/long-running.ts';
import type { Environment, Exit } from '../platform/process/runner.ts';
import type { FollowedStderr } from './followed-stderr.ts';

/** Variable in the environment of each process of the command, and of all that it starts: an id of that process. */
export const INSTANCE_VARIABLE = 'GIT_SIDECAR_INSTANCE';

/** From SIGTERM to SIGKILL for what a process left behind. */
const LEFTOVER_GRACE_MS = 2000;

export interface StopOptions {
  readonly signal: NodeJS.Signals;
  /** Milliseconds until the whole group is killed. */
  readonly timeoutMs: number;
}

export interface InstanceOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Environment;
  /** The port that it got to listen on. */
  readonly port: number | undefined;
  readonly stop: StopOptions;
  readonly clock: Clock;
  /** Follows what it writes; undefined: its standard error is ours. */
  readonly stderr?: FollowedStderr | undefined;
  /** It ended, and these processes of it went on. */
  readonly onLeftovers?: (processes: readonly MarkedProcess[]) => void;
}

/** Ends what carries `mark`, and logs it. */
export async function endLeftovers(mark: string, tell: InstanceOptions['onLeftovers']): Promise<void> {
  const leftovers = await endMarked(INSTANCE_VARIABLE, mark, LEFTOVER_GRACE_MS);
  if (leftovers.length > 0) tell?.(leftovers);
}

/** How a process ended, as a text. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `it exited with status ${code}` : `it was ended by ${signal}`;
}

/** Stands for the process of a mirror, which runs none: it is there until somebody asks it to end. */
function noProcess(): LongRunning {
  let end: (exit: Exit) => void = () => undefined;
  const exited = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  const leave = (): void => end({ code: 0, signal: null });
  return { pid: 0, exited, signal: leave, signalGroup: leave };
}

/** One process of the command. */
export class Instance {
  readonly port: number | undefined;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly exited: Promise<Exit>;
  /** It has exited, and nothing that it started is left. */
  readonly gone: Promise<void>;
  readonly #process: LongRunning;
  readonly #stop: StopOptions;
  readonly #clock: Clock;
  readonly #stderr: FollowedStderr | undefined;
  #exit: Exit | undefined;

  private constructor(
    process: LongRunning,
    mark: string,
    {
      port,
      stop,
      clock,
      stderr,
      onLeftovers,
    }: Pick<InstanceOptions, 'stop' | 'clock' | 'stderr' | 'onLeftovers'> & { readonly port?: number | undefined },
  ) {
    this.#process = process;
    this.#stderr = stderr;
    this.#stop = stop;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.port = port;
    this.exited = process.exited.then(async (exit) => {
      this.#exit = exit;
      // What it left running in its group is an orphan now.
      process.signalGroup('SIGKILL');
      await stderr?.settled();
      return exit;
    });
    this.gone = this.exited.then(async () => await endLeftovers(mark, onLeftovers));
  }

  /** @throws SidecarError ERR_RUN_COMMAND */
  static async start(options: InstanceOptions): Promise<Instance> {
    const [file, ...args] = options.command;
    try {
      const mark = randomUUID();
      const env = { ...options.env, [INSTANCE_VARIABLE]: mark };
      const { cwd, stderr } = options;
      const starting = startLongRunning({ file, args, env, cwd, stderr: stderr?.descriptor });
      await starting.catch(() => undefined);
      await stderr?.started();
      return new Instance(await starting, mark, options);
    } catch (error) {
      const detail = messageOf(error);
      throw new SidecarError('ERR_RUN_COMMAND', { op: 'start', target: file, detail, cause: error });
    }
  }

  /** Where there is no command to run. */
  static ofNothing(options: Pick<InstanceOptions, 'stop' | 'clock'>): Instance {
    return new Instance(noProcess(), randomUUID(), options);
  }

  /** undefined: nothing runs. */
  get pid(): number | undefined {
    return this.#process.pid || undefined;
  }

  /** What programs about it get to know. */
  get environment(): Environment {
    return this.pid === undefined ? {} : { GIT_SIDECAR_PID: `${this.pid}` };
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** The last lines that it wrote, where that is followed; they may hold secrets. */
  get lastLines(): readonly string[] {
    return this.#stderr?.lines ?? [];
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#exit) this.#process.signal(name);
  }

  /** Asks it to end, and after the timeout kills it with everything that it started. */
  async stop(): Promise<void> {
    this.signal(this.#stop.signal);
    const cancel = after(this.#clock, this.#stop.timeoutMs, () => this.#process.signalGroup('SIGKILL'));
    await this.exited;
    cancel();
    await this.gone;
  }
}

/** A port of the loopback interface that is free at this moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
