import { createHash } from 'node:crypto';
import type { RelayConfig } from '../relay-config.ts';
import type { RunConfig } from '../run-config.ts';
import type { SyncConfig } from '../sync-config.ts';

type AnyConfig = SyncConfig | RunConfig | RelayConfig;

/** What the unit has from the process, and no part of the unit itself. */
function ownPart(config: AnyConfig): object {
  const { http, environment, verbosity, logFormat, syncOnSignal, addUser, ...own } = config as Partial<SyncConfig>;
  return own;
}

/**
 * Tells whether a unit is the same as before.
 * @param identity what belongs to it beside its configuration
 */
export function digestOf(identity: readonly unknown[], config: AnyConfig): string {
  return createHash('sha256')
    .update(JSON.stringify([...identity, ownPart(config)]))
    .digest('hex');
}
