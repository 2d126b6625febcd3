import { boot } from '../app/boot.ts';
import type { Unit } from '../app/plan.ts';
import { runUnit } from '../app/units/run.ts';
import { syncUnit } from '../app/units/sync.ts';
import { buildRunConfig } from '../config/build-run-config.ts';
import type { Call } from './perform.ts';

/**
 * `git-sidecar run`; with `--repo` the sync that it follows is there too. Returns the exit status: that of the process,
 * where it ended by itself.
 */
export async function startRun({ loaded, env, cwd, io }: Call): Promise<number> {
  const config = buildRunConfig(loaded, env, cwd);
  const { verbosity, logFormat, sync } = config;
  const syncs: Unit[] = sync ? [syncUnit({ name: 'sync', config: sync, role: 'attached' })] : [];
  const plan = {
    title: 'run',
    hidesArguments: config.secretsOnCommandLine,
    log: { verbosity, logFormat },
    http: config.http,
    mode: sync?.mode ?? ('v4' as const),
    facts: {},
    notices: loaded.notices,
    wakeOn: sync?.syncOnSignal,
    ownCertificates: sync?.nats === undefined,
    hasUnits: false,
    units: [...syncs, runUnit({ name: 'run', config, from: sync && 'sync', leads: true })],
  };
  return await boot(plan, io);
}
