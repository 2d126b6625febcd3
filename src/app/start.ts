import { readArguments, readEnvironment } from '../config/process-input.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { redactUrl } from '../platform/redact.ts';
import { writeTerminationLog } from '../platform/termination-log.ts';
import { visibleLines } from '../platform/visible-text.ts';
import { endProcess } from './end-process.ts';
import { EXIT, type Io } from './outcome.ts';
import { dropWarnings } from './process-events.ts';

type Command = (argv: readonly string[], env: EnvironmentVariables, io: Io) => Promise<number>;

/** Why the process will have ended, and where to say so; known to the log and to the command. */
const last = { error: undefined as string | undefined, path: '' };

const io: Io = {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  stderrIsTerminal: process.stderr.isTTY === true,
  onError: (text) => {
    last.error = text;
  },
  writeLastErrorTo: (path) => {
    last.path = path;
  },
};

/** How long other parts that notice the end may take to log what they know. */
const LAST_WORDS_MS = 200;

/** Statuses of an end that was wanted. */
const STOPPED: readonly number[] = [EXIT.ok, EXIT.terminate, EXIT.interrupt, EXIT.hangup];

async function exit(status: number): Promise<void> {
  if (!STOPPED.includes(status) && last.error !== undefined && last.path !== '')
    writeTerminationLog(last.path, last.error);
  await endProcess(status);
}

/** That the reader of our output has closed it is no reason to stop syncing. */
function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** Node ends a process with status 0 when it has nothing to wait for, also while a promise is still pending. */
function refuseToFadeAway(): void {
  process.once('beforeExit', () => {
    last.error = 'git-sidecar: internal error: nothing is left to wait for, and the work is not done\n';
    io.stderr(last.error);
    setTimeout(() => void exit(EXIT.failure), LAST_WORDS_MS);
  });
}

/** Uncaught errors and rejections: printed here unless a log has them already. */
function endOnUncaught(error: unknown): void {
  if (process.listenerCount('uncaughtException') === 1) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    last.error = visibleLines(redactUrl(`git-sidecar: internal error: ${text}\n`));
    io.stderr(last.error);
  }
  void exit(EXIT.failure);
}

/** Runs `command` as this process: the only place that exits. */
export function start(command: Command): void {
  surviveClosedOutput();
  refuseToFadeAway();
  dropWarnings();
  process.on('uncaughtException', endOnUncaught);
  const env = readEnvironment();
  command(readArguments(), env, io).then(exit, (error: unknown) => {
    // It is not caught, so it ends the process as every uncaught error does.
    throw error;
  });
}
