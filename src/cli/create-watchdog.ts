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
      log.error(new SidecarError('ERR_SYNC_STUCK', { op: 'sync', detail: describe(overdue) }), 'giving up');
      onStuck();
    },
  });
  health.watch(() => watchdog.overdue && describe(watchdog.overdue));
  return watchdog;
}

/**
 * Node ends a process that has nothing to wait for. When there is work left then, its promise was broken.
 * @returns what ends the watching
 */
export function reportEmptyLoop(log: Logger, watchdog: Watchdog): () => void {
  const report = (): void => {
    const detail = `nothing is left to wait for, and this is not over: ${watchdog.pending.join(', ') || 'the process'}`;
    log.error(new SidecarError('ERR_INTERNAL', { op: 'sync', detail }), 'giving up');
  };
  process.once('beforeExit', report);
  return () => void process.off('beforeExit', report);
}
