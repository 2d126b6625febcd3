import type { Clock, Random } from '../platform/clock.ts';
import type { HttpAccess } from '../platform/http-connection.ts';
import type { ProcessRunner } from '../platform/process.ts';
import type { Redactor } from '../platform/redact.ts';

/** What the checks get from their process. */
export interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly runner: ProcessRunner;
  readonly redactor: Redactor;
  readonly withoutDefaults: HttpAccess['withoutDefaults'];
}
