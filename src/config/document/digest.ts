import { createHash } from 'node:crypto';
import type { RelayConfig } from '../relay-config.ts';
import type { RunConfig } from '../run-config.ts';
import type { SyncConfig } from '../sync-config.ts';

/** Fields that a unit has from the process, and those that follow from other fields. */
const NO_PART: ReadonlySet<string> = new Set([
  'http',
  'environment',
  'gitEnvironment',
  'verbosity',
  'logFormat',
  'syncOnSignal',
  'addUser',
  'secrets',
  'secretsOnCommandLine',
]);

/**
 * Tells whether a unit is the same as before.
 * @param identity what belongs to it beside its configuration
 */
export function digestOf(identity: readonly unknown[], config: SyncConfig | RunConfig | RelayConfig): string {
  const own = Object.entries(config).filter(([name]) => !NO_PART.has(name));
  return createHash('sha256')
    .update(JSON.stringify([...identity, Object.fromEntries(own)]))
    .digest('hex');
}
