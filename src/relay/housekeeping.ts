import type { Clock } from '../platform/clock.ts';
import { repeat } from '../platform/every.ts';
import { Limited } from '../platform/limited.ts';
import type { Logger } from '../platform/log.ts';
import type { Watchdog } from '../platform/watchdog.ts';
import type { HttpServer } from '../serve/server.ts';
import { BEAT_MS } from './protocol/timing.ts';
import type { WiredRelay } from './wiring/wire.ts';

/** The beats of all streams are spread over so many parts of the pause between two, so that no push waits for them. */
const BEAT_PARTS = 15;
const FIRST_ORDER_MS = 3000;
const ORDER_EVERY_MS = 30_000;
const ACCESS_EVERY_MS = 5000;
/** git-gc of a large repository. */
const LONGEST_TIDY_MS = 3_600_000;
const LONGEST_ORDER_MS = 600_000;
/** Certificates expire, and a client that holds a stream shows its certificate only once. */
const RECHECK_EVERY_MS = 60_000;
const DISK_EVERY_MS = 3000;
const ROLLOUTS_EVERY_MS = 500;
const OUTBOX_EVERY_MS = 1000;
const SAMPLE_EVERY_MS = 1000;

export interface HouseOptions {
  readonly relay: WiredRelay;
  /** undefined while there is none. */
  readonly server: () => HttpServer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly watchdog: Watchdog;
}

/** What a relay does again and again, until its signal fires. */
export function keepHouse({ relay, server, clock, log, signal, watchdog }: HouseOptions): void {
  const limited = new Limited({ signal, watchdog });
  const complain = (error: unknown): void => {
    if (!signal.aborted) log.error(error, 'keeping order failed');
  };
  const keepOrder = async (): Promise<void> => {
    relay.fleet.keepOrder();
    for (const mirror of relay.untidy) {
      relay.untidy.delete(mirror);
      await limited.run('tidy up a mirror', LONGEST_TIDY_MS, async (limit) => await mirror.collectGarbage(limit));
    }
    const keep = async (limit: AbortSignal): Promise<void> => await relay.repositories.keepOrder(limit);
    await limited.run('keep order among the mirrors', LONGEST_ORDER_MS, keep);
  };
  const recheck = (hasNewRules = false): void => {
    relay.hub.recheck();
    relay.live.recheck(hasNewRules);
  };
  const renew = async (): Promise<void> => {
    if (await relay.access.refresh()) recheck(true);
    const file = await relay.policies.refresh();
    if (file) {
      await relay.rollouts.take(file.policies);
      await relay.outbox.take(file);
    }
    await relay.outbox.refresh();
    if (await server()?.refreshTls()) {
      relay.hub.endCertificates();
      relay.live.endCertificates();
    }
  };
  const again = (work: () => void | Promise<void>, everyMs: number, firstMs = everyMs): void =>
    void repeat(work, { clock, everyMs, firstMs, signal, onError: complain });
  let beats = 0;
  again(() => relay.hub.beat(beats++ % BEAT_PARTS, BEAT_PARTS), BEAT_MS / BEAT_PARTS);
  again(keepOrder, ORDER_EVERY_MS, FIRST_ORDER_MS);
  again(renew, ACCESS_EVERY_MS);
  again(() => recheck(), RECHECK_EVERY_MS);
  again(() => relay.live.beat(), BEAT_MS);
  again(() => relay.savings.sample(), SAMPLE_EVERY_MS);
  again(async () => await relay.disk.check(), DISK_EVERY_MS);
  again(async () => await relay.rollouts.tick(), ROLLOUTS_EVERY_MS);
  let isDeciding = relay.rollouts.isDeciding;
  const passOn = (): void => {
    const before = isDeciding;
    isDeciding = relay.rollouts.isDeciding;
    if (isDeciding && !before) relay.outbox.takeOver();
    relay.outbox.look();
  };
  again(passOn, OUTBOX_EVERY_MS);
}
