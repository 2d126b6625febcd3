import { messageOf, SidecarError } from '../model/error.ts';
import { DOCTOR_HINT } from '../model/error-entry.ts';
import type { Redactor } from './redact.ts';

/** Extra facts of a log line; rendered in the order given. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  /** A line at verbosity `level` (0 is always shown), like glog's V levels. */
  info(level: number, message: string, fields?: LogFields): void;
  /** A line about a failure: always shown, with code and hint where the error has them. */
  error(error: unknown, message: string, fields?: LogFields): void;
  /** Something the user should know and may want to change. */
  warn(message: string, fields?: LogFields): void;
  /** True when `level` is shown: lets callers skip costly fields. */
  shows(level: number): boolean;
}

export interface LogRecord {
  readonly time: Date;
  readonly kind: 'info' | 'warn' | 'error';
  readonly level: number;
  readonly message: string;
  readonly error?: unknown;
  readonly fields: LogFields;
}

/** Turns a record into the text of one line, without the line end. */
export type LogFormat = (record: LogRecord) => string;

export interface LoggerOptions {
  readonly verbosity: number;
  readonly format: LogFormat;
  readonly redactor: Redactor;
  readonly write: (line: string) => void;
  readonly now: () => number;
  /** Facts of every line, before its own. */
  readonly fields?: LogFields;
  /** Called for each error line with the record as it was written: git-sync's error file is written here. */
  readonly onError?: (record: LogRecord) => void;
  /** The hint of an error, with the option names that the user used; when left out, the error's own hint. */
  readonly hintOf?: (error: SidecarError) => string;
}

/** Facts that an error carries for the log: its code, its hint and the chain of its causes. */
function errorFields(error: unknown, hintOf: LoggerOptions['hintOf']): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  if (!(error instanceof SidecarError)) return fields;
  fields.code = error.code;
  const hint = hintOf ? hintOf(error) : error.hint;
  fields.hint = error.facts.examined ? `${hint} ${DOCTOR_HINT}` : hint;
  if (error.cause instanceof Error && !error.message.includes(error.cause.message)) {
    fields.cause = messageOf(error.cause);
  }
  return fields;
}

export function createLogger(options: LoggerOptions): Logger {
  const { redactor } = options;
  const emit = (record: LogRecord): void => {
    // Before the format, which escapes: and a secret that is spelled like one of our keys leaves the keys alone.
    const clean: LogRecord = {
      ...record,
      message: redactor.redact(record.message),
      ...(record.error !== undefined && { error: redactor.redact(messageOf(record.error)) }),
      fields: { ...options.fields, ...(redactor.redactAll(record.fields) as LogFields) },
    };
    options.write(`${options.format(clean)}\n`);
    if (record.kind === 'error') options.onError?.(clean);
  };
  const time = (): Date => new Date(options.now());
  return {
    shows: (level) => level <= options.verbosity,
    info: (level, message, fields = {}) => {
      if (level <= options.verbosity) emit({ time: time(), kind: 'info', level, message, fields });
    },
    warn: (message, fields = {}) => emit({ time: time(), kind: 'warn', level: 0, message, fields }),
    error: (error, message, fields = {}) =>
      emit({
        time: time(),
        kind: 'error',
        level: 0,
        message,
        error,
        fields: { ...fields, ...errorFields(error, options.hintOf) },
      }),
  };
}

/** A logger that says nothing; for tests and for code that runs before there is a configuration. */
export const silentLogger: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  shows: () => false,
};
