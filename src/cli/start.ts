import { optionNamed } from '../config/options.ts';
import { readArguments, readEnvironment } from '../config/process-input.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { writeTerminationLog } from '../platform/termination-log.ts';
import { EXIT, type Io } from './outcome.ts';

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

/** Statuses that say: somebody wanted it to end. */
const STOPPED: readonly number[] = [EXIT.ok, EXIT.terminate, EXIT.interrupt, EXIT.hangup];

function exit(status: number): never {
  if (!STOPPED.includes(status) && last.error !== undefined && last.path !== '')
    writeTerminationLog(last.path, last.error);
  process.exit(status);
}

/** A reader of our output that went away is no reason to stop syncing. */
function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** Runs `command` as this process: the only place that exits. */
export function start(command: Command): void {
  surviveClosedOutput();
  const env = readEnvironment();
  const {
    env: [variable = ''],
    default: fallback,
  } = optionNamed('termination-log');
  io.writeLastErrorTo?.(env[variable] ?? fallback);
  command(readArguments(), env, io).then(exit, (error: unknown) => {
    last.error = `git-sidecar: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
    process.stderr.write(last.error);
    exit(EXIT.failure);
  });
}
