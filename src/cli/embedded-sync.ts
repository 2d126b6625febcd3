import type { SyncConfig } from '../config/sync-config.ts';
import { prepareRoot } from '../fetch/root.ts';
import type { Oid } from '../model/oid.ts';
import { settledWithin } from '../platform/bounded.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { ProcessRunner } from '../platform/process.ts';
import type { Redactor } from '../platform/redact.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import { SyncLoop } from '../sync/loop.ts';
import { closeRepository, opener } from '../sync/open.ts';
import { createStages } from '../sync/stages.ts';
import { createWatchdog } from './create-watchdog.ts';
import type { Observability } from './observability.ts';
import { preflight } from './preflight.ts';
import { wireWakeableSync } from './wakeable-sync.ts';
import type { wireSync } from './wire-sync.ts';

export interface EmbeddedSyncOptions {
  readonly config: SyncConfig;
  readonly runner: ProcessRunner;
  readonly log: Logger;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly observability: Observability;
  readonly onPublish: () => void;
}

export interface EmbeddedSync {
  readonly context: Awaited<ReturnType<typeof wireSync>>['context'];
  /** Tells the relay what is running. */
  readonly reportRunning: ((oid: Oid) => void) | undefined;
  /** For those who want a sync sooner. */
  readonly inbound: InboundOptions;
  stop(): Promise<void>;
}

/** Pause before a sync that gave up (`--max-failures`) is started again: the process that runs must not go without. */
const ANEW_MS = 30_000;
/** How long a sync may take to stop: processes are killed after less. */
const LAST_MS = 2000;

/** A sync inside another process. @throws SidecarError when the root or git cannot be used */
export async function startEmbeddedSync(options: EmbeddedSyncOptions): Promise<EmbeddedSync> {
  const { config, runner, log, redactor, clock, observability, onPublish } = options;
  await preflight(config);
  const root = await prepareRoot(config.root);
  const shared = { config, root, runner, log, redactor, clock };
  const { context, dispose, reportRunning, wakeUps, inbound } = await wireWakeableSync({
    ...shared,
    observability,
    observer: { onPublish },
  });
  const stopping = new AbortController();
  // The process that runs must not go because its sync hangs: a liveness probe decides that.
  const watchdog = createWatchdog({ clock, log, health: observability.health, onStuck: () => undefined });
  const open = opener(context);
  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const parts = { context, wakeUps, stages: createStages(), random: Math.random, signal: stopping.signal };
      const end = await new SyncLoop({ ...parts, open, watchdog, onSuccess: async () => undefined }).run();
      if (end.kind !== 'failed') return;
      log.error(end.error, 'the sync gave up; it is started again', { ms: ANEW_MS });
      await clock.sleep(ANEW_MS, stopping.signal);
    }
  };
  const done = follow().catch((error: unknown) => log.error(error, 'the sync cannot go on'));
  return {
    context,
    reportRunning,
    inbound,
    stop: async () => {
      wakeUps.wake('stop');
      stopping.abort();
      await Promise.all(context.hooks.map((hook) => hook.stop()));
      // One that hangs is left to its end: that of the process.
      if (await settledWithin(done, LAST_MS)) await closeRepository(context);
      await settledWithin(dispose(), LAST_MS);
    },
  };
}
