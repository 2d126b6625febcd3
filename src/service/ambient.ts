import type { Clock, Random } from '../platform/clock.ts';
import type { HttpAccess } from '../platform/http-connection.ts';
import type { Leases } from '../platform/leases.ts';
import type { Logger } from '../platform/log.ts';
import type { ProcessRunner } from '../platform/process/runner.ts';
import type { Redactor } from '../platform/redact.ts';
import type { MetricsSink } from '../serve/metrics-sink.ts';

/** What a process lends to each of its services. */
export interface Ambient {
  readonly clock: Clock;
  readonly random: Random;
  /** Its lines name the service where a process has several. */
  readonly log: Logger;
  readonly redactor: Redactor;
  /** For the processes of this service alone: it ends all of them. */
  readonly runner: ProcessRunner;
  /** undefined: they are not served, so none are kept. */
  readonly metrics: MetricsSink | undefined;
  /** How to leave Node's default certificates out; undefined: a part of this process needs them. */
  readonly withoutDefaults: HttpAccess['withoutDefaults'];
  /** What services of one process use together. */
  readonly leases: Leases;
  /** Where lines go that are for a person at a terminal and not for the log. */
  readonly terminal: Terminal;
}

/** The error output of the process. */
export interface Terminal {
  readonly write: (text: string) => void;
  /** A person reads it, and no machine. */
  readonly isInteractive: boolean;
}
