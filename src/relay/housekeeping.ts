import { Limited } from '../platform/limited.ts';
import type { Logger } from '../platform/log.ts';
import type { Watchdog } from '../platform/watchdog.ts';
import type { HttpServer } from '../serve/server.ts';
import { BEAT_MS } from './protocol/timing.ts';
import type { WiredRelay } from './wiring/wire.ts';

const FIRST_ORDER_MS = 3000;
const ORDER_EVERY_MS = 30_000;
const ACCESS_EVERY_MS = 5000;
/** git-gc of a large repository. */
const LONGEST_TIDY_MS = 3_600_000;
const LONGEST_ORDER_MS = 600_000;
/** Certificates end, and whoever holds a stream shows nothing again. */
const RECHECK_EVERY_MS = 60_000;
const DISK_EVERY_MS = 3000;

export interface HouseOptions {
  readonly relay: WiredRelay;
  /** undefined while there is none. */
  readonly server: () => HttpServer | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly watchdog: Watchdog;
}

/** What is done again and again. @returns what ends that */
export function keepHouse({ relay, server, log, signal, watchdog }: HouseOptions): () => void {
  const limited = new Limited({ signal, watchdog });
  const complain = (error: unknown): void => {
    if (!signal.aborted) log.error(error, 'keeping order failed');
  };
  let isBusy = false;
  const keepOrder = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      relay.fleet.keepOrder();
      for (const mirror of relay.untidy) {
        relay.untidy.delete(mirror);
        await limited.run('tidy up a mirror', LONGEST_TIDY_MS, async (limit) => await mirror.collectGarbage(limit));
      }
      const keep = async (limit: AbortSignal): Promise<void> => await relay.repositories.keepOrder(limit);
      await limited.run('keep order among the mirrors', LONGEST_ORDER_MS, keep);
    } finally {
      isBusy = false;
    }
  };
  const renew = async (): Promise<void> => {
    if (await relay.access.refresh()) relay.hub.recheck();
    if (await server()?.refreshTls()) relay.hub.endCertificates();
  };
  const timers = [
    setInterval(() => relay.hub.beat(), BEAT_MS),
    setTimeout(() => void keepOrder().catch(complain), FIRST_ORDER_MS),
    setInterval(() => void keepOrder().catch(complain), ORDER_EVERY_MS),
    setInterval(() => void renew().catch(complain), ACCESS_EVERY_MS),
    setInterval(() => relay.hub.recheck(), RECHECK_EVERY_MS),
    setInterval(() => void relay.disk.check(), DISK_EVERY_MS),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
