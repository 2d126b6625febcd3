import { SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { type Overdue, Watchdog } from '../platform/watchdog.ts';
import type { Health } from '../serve/health.ts';

export interface WatchdogWiring {
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: Health;
  /** Called when only a new process can help. */
  readonly onStuck: () => void;
}

function describe({ what, forMs, limitMs }: Overdue): string {
  return `${what} is not over after ${Math.round(forMs / 1000)} s; its limit was ${Math.round(limitMs / 1000)} s`;
}

/** A watchdog whose findings are in the log and turn `/healthz` to 503. */
export function createWatchdog({ clock, log, health, onStuck }: WatchdogWiring): Watchdog {
  const watchdog = new Watchdog({
    clock,
    onOverdue: (overdue) => log.warn('a sync does not end', { stage: overdue.what, reason: describe(overdue) }),
    onStuck: (overdue) => {
      log.error(
        new SidecarError('ERR_SYNC_STUCK', { op: 'sync', detail: describe(overdue), isLate: true }),
        'giving up',
      );
      onStuck();
    },
  });
  health.watch(() => watchdog.overdue && describe(watchdog.overdue));
  return watchdog;
}
