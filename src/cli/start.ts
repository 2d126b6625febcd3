import { readArguments, readEnvironment } from '../config/process-input.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { redactUrl } from '../platform/redact.ts';
import { visibleLines } from '../platform/visible-text.ts';
import { EXIT, type Io } from './outcome.ts';
import { dropWarnings } from './process-events.ts';

type Command = (argv: readonly string[], env: EnvironmentVariables, io: Io) => Promise<number>;

const io: Io = {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  stderrIsTerminal: process.stderr.isTTY === true,
};

/** A reader of our output that went away is no reason to stop syncing. */
function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** Errors and rejections that nobody caught: printed here unless a log has them already. */
function endOnUncaught(error: unknown): void {
  if (process.listenerCount('uncaughtException') === 1) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.stderr(visibleLines(redactUrl(`git-sidecar: internal error: ${text}\n`)));
  }
  process.exit(EXIT.failure);
}

/** Runs `command` as this process: the only place that exits. */
export function start(command: Command): void {
  surviveClosedOutput();
  dropWarnings();
  process.on('uncaughtException', endOnUncaught);
  command(readArguments(), readEnvironment(), io).then(
    (status) => process.exit(status),
    (error: unknown) => {
      // Nobody catches it, so it ends the process as any other error of that kind does.
      throw error;
    },
  );
}
