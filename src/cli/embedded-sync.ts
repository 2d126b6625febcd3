import type { SyncConfig } from '../config/sync-config.ts';
import { prepareRoot } from '../fetch/root.ts';
import type { Oid } from '../model/oid.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { ProcessRunner } from '../platform/process.ts';
import type { Redactor } from '../platform/redact.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import { SyncLoop } from '../sync/loop.ts';
import { closeRepository, openRepository } from '../sync/open.ts';
import { createStages } from '../sync/stages.ts';
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
  /** After each successful cycle. */
  readonly onSuccess: () => Promise<void>;
}

export interface EmbeddedSync {
  readonly context: Awaited<ReturnType<typeof wireSync>>['context'];
  /** Tells the relay what is running. */
  readonly reportRunning: ((oid: Oid) => void) | undefined;
  /** For those who want a sync sooner. */
  readonly inbound: InboundOptions;
  /** Starts the next cycle now: `--sync-on-signal`. */
  wake(): void;
  stop(): Promise<void>;
}

/** Pause before a sync that gave up (`--max-failures`) is started again: the process that runs must not go without. */
const ANEW_MS = 30_000;

/** A sync inside another process. @throws SidecarError when the root or git cannot be used */
export async function startEmbeddedSync(options: EmbeddedSyncOptions): Promise<EmbeddedSync> {
  const { config, runner, log, redactor, clock, observability, onPublish, onSuccess } = options;
  await preflight(config);
  const root = await prepareRoot(config.root);
  const shared = { config, root, runner, log, redactor, clock };
  const { context, dispose, reportRunning, wakeUps, inbound } = await wireWakeableSync({
    ...shared,
    observability,
    observer: { onPublish },
  });
  const stopping = new AbortController();
  const follow = async (): Promise<void> => {
    await openRepository(context, stopping.signal);
    while (!stopping.signal.aborted) {
      const parts = { context, wakeUps, stages: createStages(), random: Math.random, signal: stopping.signal };
      const end = await new SyncLoop({ ...parts, onSuccess }).run();
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
    wake: () => wakeUps.wake('signal'),
    stop: async () => {
      wakeUps.wake('stop');
      stopping.abort();
      await Promise.all(context.hooks.map((hook) => hook.stop()));
      await done;
      await closeRepository(context);
      await dispose();
    },
  };
}
