import { buildSyncConfig } from '../../src/config/build-config.ts';
import { load } from '../../src/config/load.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { Leases } from '../../src/platform/leases.ts';
import type { Logger } from '../../src/platform/log.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { Redactor } from '../../src/platform/redact.ts';
import { prepareRoot } from '../../src/platform/root.ts';
import { newScope, runStages } from '../../src/sync/cycle.ts';
import { closeRepository, openRepository } from '../../src/sync/open.ts';
import { createStages } from '../../src/sync/stages.ts';
import { wireSync } from '../../src/sync/wiring/wire.ts';

export interface Logged {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A sync in this process whose cycles are run one by one. */
export interface HandCranked {
  readonly logged: Logged[];
  cycle(): Promise<void>;
  stop(): Promise<void>;
}

const NOTHING = (): void => undefined;

export async function handCranked(args: readonly string[]): Promise<HandCranked> {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
  const config = buildSyncConfig(load('sync', args, env).settings, env);
  if (config.umask !== undefined) process.umask(config.umask);
  const logged: Logged[] = [];
  const log: Logger = {
    info: (_level, message, fields = {}) => void logged.push({ message, fields }),
    warn: (message, fields = {}) => void logged.push({ message, fields }),
    error: (error, message) => void logged.push({ message, fields: { error } }),
    shows: () => true,
  };
  const { context, dispose } = await wireSync({
    config,
    root: await prepareRoot(config.stateDir),
    runner: createProcessRunner(),
    log,
    redactor: new Redactor(),
    clock: systemClock,
    random: Math.random,
    leases: new Leases(),
    withoutDefaults: undefined,
    observer: { onCycleStart: NOTHING, onCycle: NOTHING, onPublish: NOTHING, onVerify: NOTHING },
    wakeForGroup: () => undefined,
    wake: () => undefined,
    counters: {
      fetched: NOTHING,
      askpass: NOTHING,
      githubToken: NOTHING,
      identity: NOTHING,
      hook: NOTHING,
      verified: NOTHING,
    },
  });
  const { signal } = new AbortController();
  const stages = createStages();
  let first = true;
  await openRepository(context, signal);
  return {
    logged,
    cycle: async () => {
      await runStages(stages, context, newScope(signal, first, systemClock.monotonic()));
      first = false;
    },
    stop: async () => {
      await closeRepository(context);
      await dispose();
    },
  };
}
