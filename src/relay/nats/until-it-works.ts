import { messageOf, SidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';

export interface Persistence {
  readonly servers: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Fires when nobody wants it any more. */
  readonly signal: AbortSignal;
  /** What cannot be used meanwhile, as the log says it. */
  readonly trouble: string;
}

/** Milliseconds before something that NATS refused is tried again. */
export const RETRY_MS = 2000;

/** Tries again and again; each failure is logged. @throws when `signal` fires */
export async function untilItWorks<T>(
  attempt: () => Promise<T>,
  { servers, clock, log, signal, trouble }: Persistence,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (cause) {
      if (signal.aborted) throw cause;
      const facts = { op: 'use', target: servers.join(' '), detail: messageOf(cause), cause };
      log.error(new SidecarError('ERR_NATS', facts), trouble);
      await clock.sleep(RETRY_MS, signal);
    }
  }
}
