import { systemClock } from '../platform/clock.ts';
import { createLogger, type Logger, type LoggerOptions } from '../platform/log.ts';
import { jsonLogFormat, terminalLogFormat } from '../platform/log-format.ts';
import type { Redactor } from '../platform/redact.ts';
import type { Io } from './outcome.ts';
import { logProcessEvents } from './process-events.ts';

/** What the configuration of every command says about its log. */
interface LogConfig {
  readonly verbosity: number;
  readonly logFormat: 'auto' | 'json' | 'text';
}

/** The log of a process: lines of JSON, or readable text on a terminal. */
export function createProcessLogger(
  { verbosity, logFormat }: LogConfig,
  io: Io,
  redactor: Redactor,
  onError?: LoggerOptions['onError'],
): Logger {
  const text = logFormat === 'text' || (logFormat === 'auto' && io.stderrIsTerminal);
  const log = createLogger({
    verbosity,
    format: text ? terminalLogFormat(io.stderrIsTerminal) : jsonLogFormat,
    redactor,
    write: io.stderr,
    now: systemClock.now,
    ...(onError && { onError }),
  });
  logProcessEvents(log);
  return log;
}
