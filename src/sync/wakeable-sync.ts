import type { Hint } from '../model/hint.ts';
import type { SyncObserver } from '../model/sync-observer.ts';
import { WakeUps } from '../platform/wake-ups.ts';
import type { RefSource } from '../poll/ref-source.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import { followedBy, type Observability } from './observability.ts';
import { type SyncAnswer, SyncNow, tellAll } from './sync-now.ts';
import { type WiredSync, type WiringOptions, wireSync } from './wiring/wire.ts';

export interface WakeableSyncOptions extends Omit<WiringOptions, 'wake' | 'wakeForGroup' | 'observer' | 'counters'> {
  readonly observability: Observability;
  /** Other observers. */
  readonly observer?: Partial<SyncObserver>;
}

/** A sync with everything that can make it start its next cycle sooner. */
export interface WakeableSync extends WiredSync {
  readonly wakeUps: WakeUps;
  /** Starts the next cycle now. */
  readonly wake: (reason: 'push' | 'trigger' | 'signal', hint: Hint) => void;
  /** For push notifications, people and CI. */
  readonly inbound: InboundOptions;
}

export async function wireWakeableSync(options: WakeableSyncOptions): Promise<WakeableSync> {
  const { observability, observer = {}, ...wiring } = options;
  const { config, clock, log, redactor } = wiring;
  const wakeUps = new WakeUps(clock);
  let source: RefSource | undefined;
  const wake = (reason: 'push' | 'trigger' | 'signal', hint: Hint): void => {
    source?.expectNews?.();
    wakeUps.wake(reason, hint);
  };
  const syncNow = new SyncNow((hint) => wake('trigger', hint), clock);
  const wired = await wireSync({
    ...wiring,
    counters: observability.counters,
    wake: (hint) => wakeUps.wake('relay', hint),
    wakeForGroup: () => {
      source?.expectNews?.();
      wakeUps.wake('group');
    },
    observer: tellAll([observability.observer, syncNow, observer]),
  });
  source = wired.context.source;
  return {
    ...wired,
    wake,
    wakeUps,
    inbound: {
      followed: () => [followedBy(config, wired.context.choice)],
      clock,
      log,
      wake,
      // The error may hold what the git server said.
      syncNow: async (timeoutMs, hint) => redactor.redactAll(await syncNow.wait(timeoutMs, hint)) as SyncAnswer,
    },
  };
}
