import type { Clock } from '../platform/clock.ts';
import type { ProcessRunner } from '../platform/process/runner.ts';
import type { Redactor } from '../platform/redact.ts';

/** What the checks get from their process. */
export interface Parts {
  readonly clock: Clock;
  readonly runner: ProcessRunner;
  readonly redactor: Redactor;
  /** What removes what the checks made; each is run at the end, however that comes. */
  readonly cleanups: (() => Promise<void>)[];
}
