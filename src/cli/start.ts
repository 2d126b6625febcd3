import { readArguments, readEnvironment } from '../config/process-input.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { redactUrl } from '../platform/redact.ts';
import { visibleLines } from '../platform/visible-text.ts';
import type { Io } from './outcome.ts';
import { printProcessEvents } from './process-events.ts';

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

/** Runs `command` as this process: the only place that exits. */
export function start(command: Command): void {
  surviveClosedOutput();
  printProcessEvents((text) => io.stderr(visibleLines(redactUrl(text))));
  command(readArguments(), readEnvironment(), io).then(
    (status) => process.exit(status),
    (error: unknown) => {
      // Nobody catches it, so it ends the process as any other error of that kind does.
      throw error;
    },
  );
}
