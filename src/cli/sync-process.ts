import { boot } from '../app/boot.ts';
import type { Io } from '../app/outcome.ts';
import { syncUnit } from '../app/units/sync.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { SidecarError } from '../model/error.ts';

export interface SyncStart {
  readonly config: SyncConfig;
  /** What the user should know before anything else. */
  readonly notices: readonly string[];
  readonly compatReason: string;
  /** The hint of an error in the words of the user's mode. */
  readonly hintOf: (error: SidecarError) => string;
  readonly io: Io;
}

/** One sync, from checked configuration to exit status. */
export async function runSyncProcess({ config, notices, compatReason, hintOf, io }: SyncStart): Promise<number> {
  const { verbosity, logFormat } = config;
  const plan = {
    title: 'sync',
    hidesArguments: config.secretsOnCommandLine,
    log: { verbosity, logFormat },
    http: config.http,
    mode: config.mode,
    facts: { reason: compatReason },
    notices,
    hintOf,
    wakeOn: config.syncOnSignal,
    ownCertificates: config.nats === undefined,
    hasUnits: false,
    units: [syncUnit({ name: 'sync', config, role: 'alone' })],
  };
  return await boot(plan, io);
}
