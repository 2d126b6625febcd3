import { readArguments, readEnvironment } from '../config/process-input.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { endProcess } from './end-process.ts';
import { EXIT, type Io } from './outcome.ts';

type Command = (argv: readonly string[], env: EnvironmentVariables, io: Io) => Promise<number>;

const io: Io = {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  stderrIsTerminal: process.stderr.isTTY === true,
};

/** How long those who also notice the end may take to write down what they know. */
const LAST_WORDS_MS = 200;

/** A reader of our output that went away is no reason to stop syncing. */
function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** Node ends a process with status 0 when it has nothing to wait for, also in the middle of a promise that nobody keeps. */
function refuseToFadeAway(): void {
  process.once('beforeExit', () => {
    io.stderr('git-sidecar: internal error: nothing is left to wait for, and the work is not done\n');
    setTimeout(() => void endProcess(EXIT.failure), LAST_WORDS_MS);
  });
}

/** Runs `command` as this process: the only place that exits. */
export function start(command: Command): void {
  surviveClosedOutput();
  refuseToFadeAway();
  command(readArguments(), readEnvironment(), io).then(
    (status) => endProcess(status),
    (error: unknown) => {
      process.stderr.write(
        `git-sidecar: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      return endProcess(EXIT.failure);
    },
  );
}
