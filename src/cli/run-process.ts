import { boot } from '../app/boot.ts';
import type { Io } from '../app/outcome.ts';
import type { Unit } from '../app/plan.ts';
import { runUnit } from '../app/units/run.ts';
import { syncUnit } from '../app/units/sync.ts';
import type { RunConfig } from '../config/run-config.ts';

/** One run, from checked configuration to exit status; with `--repo` the sync that it follows is there too. */
export async function runProcess(config: RunConfig, notices: readonly string[], io: Io): Promise<number> {
  const { verbosity, logFormat, sync } = config;
  const syncs: Unit[] = sync ? [syncUnit({ name: 'sync', config: sync, role: 'attached' })] : [];
  const plan = {
    title: 'run',
    hidesArguments: config.secretsOnCommandLine,
    log: { verbosity, logFormat },
    http: config.http,
    mode: sync?.mode ?? ('v4' as const),
    facts: {},
    notices,
    wakeOn: sync?.syncOnSignal,
    ownCertificates: sync?.nats === undefined,
    hasUnits: false,
    units: [...syncs, runUnit({ name: 'run', config, from: sync && 'sync', leads: true })],
  };
  return await boot(plan, io);
}
