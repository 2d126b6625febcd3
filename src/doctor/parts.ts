import type { Clock } from '../platform/clock.ts';
import type { ProcessRunner } from '../platform/process.ts';
import type { Redactor } from '../platform/redact.ts';

/** What the checks get from their process. */
export interface Parts {
  readonly clock: Clock;
  readonly runner: ProcessRunner;
  readonly redactor: Redactor;
}

/** Checks that were begun, and what they made. */
export interface Begun {
  /** Removes it. */
  dispose(): Promise<void>;
}
