import { messageOf, type SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { createLogger, type Logger, type LoggerOptions, type LogRecord } from '../platform/log.ts';
import { jsonLogFormat, terminalLogFormat } from '../platform/log-format.ts';
import type { Redactor } from '../platform/redact.ts';
import type { Throttling } from '../platform/throttling.ts';
import { lateHint } from './late-hint.ts';
import type { Io } from './outcome.ts';
import type { Plan, Unit } from './plan.ts';
import { logProcessEvents } from './process-events.ts';

export interface LogsOptions {
  readonly plan: Plan;
  readonly io: Io;
  readonly redactor: Redactor;
  readonly now: () => number;
  readonly throttling: Throttling;
}

/** Where a unit says how it is doing. */
export interface UnitLog {
  readonly log: Logger;
  readonly errorFile: ErrorFile | undefined;
}

/** What went wrong and what to do, for a person who reads how a container ended. */
function describeRecord({ message, error, fields: { code, hint } }: LogRecord): string {
  const first = error === undefined ? message : `${message}: ${messageOf(error)}`;
  return code === undefined ? first : `${first}\n${String(code)}: ${String(hint)}`;
}

/** The log of a process and the error files of its units: lines of JSON, or readable text on a terminal. */
export class Logs {
  readonly ofProcess: Logger;
  readonly #options: LogsOptions;
  readonly #errorFiles = new Map<string, ErrorFile>();

  constructor(options: LogsOptions) {
    const { plan } = options;
    this.#options = options;
    // Whatever goes wrong in a process with one purpose is about that purpose.
    const owner = plan.hasUnits ? undefined : plan.units.find(({ errorFile }) => errorFile !== undefined);
    this.ofProcess = this.#create(owner && this.#errorFileOf(owner));
    logProcessEvents(this.ofProcess);
  }

  of(unit: Unit): UnitLog {
    const errorFile = this.#errorFileOf(unit);
    if (!this.#options.plan.hasUnits) return { log: this.ofProcess, errorFile };
    return { log: this.#create(errorFile, { fields: { unit: unit.name } }), errorFile };
  }

  /** Resolves when no error file is being written. */
  async settled(): Promise<void> {
    await Promise.all([...this.#errorFiles.values()].map(async (file) => await file.settled()));
  }

  #errorFileOf({ errorFile: place }: Unit): ErrorFile | undefined {
    if (!place) return undefined;
    // Two objects for one file would not wait for each other.
    const file = this.#errorFiles.get(place.path) ?? new ErrorFile(place.root, place.path);
    this.#errorFiles.set(place.path, file);
    return file;
  }

  /** Whatever was late, in whichever part of the process: the reason is looked for here. */
  #hintOf(error: SidecarError): string {
    const { plan, throttling } = this.#options;
    const spelled = plan.hintOf ?? (({ hint }: Pick<SidecarError, 'hint'>): string => hint);
    const late = lateHint(error, throttling);
    return late === undefined ? spelled(error) : `${spelled({ hint: late })} ${spelled(error)}`;
  }

  #create(errorFile: ErrorFile | undefined, more: Pick<LoggerOptions, 'fields'> = {}): Logger {
    const { plan, io, redactor, now } = this.#options;
    const { verbosity, logFormat } = plan.log;
    const isText = logFormat === 'text' || (logFormat === 'auto' && io.stderrIsTerminal);
    return createLogger({
      ...more,
      hintOf: (error) => this.#hintOf(error),
      verbosity,
      format: isText ? terminalLogFormat(io.stderrIsTerminal) : jsonLogFormat,
      redactor,
      write: io.stderr,
      now,
      onError: (record) => {
        io.onError?.(redactor.redact(describeRecord(record)));
        errorFile?.write(record).catch((error: unknown) => {
          io.stderr(`cannot write the error file: ${messageOf(error)}\n`);
        });
      },
    });
  }
}
