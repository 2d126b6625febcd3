import { messageOf } from '../model/error.ts';
import type { ErrorFile } from '../notify/files.ts';
import { systemClock } from '../platform/clock.ts';
import { createLogger, type Logger, type LoggerOptions, type LogRecord } from '../platform/log.ts';
import { jsonLogFormat, terminalLogFormat } from '../platform/log-format.ts';
import type { Redactor } from '../platform/redact.ts';
import type { Io } from './outcome.ts';
import { logProcessEvents } from './process-events.ts';

/** What the configuration of every command says about its log. */
interface LogConfig {
  readonly verbosity: number;
  readonly logFormat: 'auto' | 'json' | 'text';
}

/** What went wrong and what to do, for whoever reads how a container ended. */
function describeRecord({ message, error, fields: { code, hint } }: LogRecord): string {
  const first = error === undefined ? message : `${message}: ${messageOf(error)}`;
  return code === undefined ? first : `${first}\n${String(code)}: ${String(hint)}`;
}

/** The log of a process: lines of JSON, or readable text on a terminal. */
function createProcessLogger(
  { verbosity, logFormat }: LogConfig,
  io: Io,
  redactor: Redactor,
  more: Pick<LoggerOptions, 'onError' | 'hintOf'> = {},
): Logger {
  const text = logFormat === 'text' || (logFormat === 'auto' && io.stderrIsTerminal);
  const log = createLogger({
    verbosity,
    format: text ? terminalLogFormat(io.stderrIsTerminal) : jsonLogFormat,
    redactor,
    write: io.stderr,
    now: systemClock.now,
    ...more,
    onError: (record) => {
      io.onError?.(redactor.redact(describeRecord(record)));
      more.onError?.(record);
    },
  });
  logProcessEvents(log);
  return log;
}

/** The log, whose errors also go into the error file. */
export function createErrorFileLogger(
  config: LogConfig,
  io: Io,
  redactor: Redactor,
  errorFile: ErrorFile | undefined,
  more: Pick<LoggerOptions, 'hintOf'> = {},
): Logger {
  const onError = (record: LogRecord): void => {
    errorFile?.write(record).catch((error: unknown) => {
      io.stderr(`cannot write the error file: ${messageOf(error)}\n`);
    });
  };
  return createProcessLogger(config, io, redactor, { ...more, onError });
}
