import type { SyncConfig } from '../../config/sync-config.ts';
import { type SyncRole, SyncService } from '../../sync/service.ts';
import type { Unit } from '../plan.ts';

export interface SyncUnitOptions {
  readonly name: string;
  readonly config: SyncConfig;
  readonly role: SyncRole;
}

export function syncUnit({ name, config, role }: SyncUnitOptions): Unit {
  const { root, errorFile } = config;
  return {
    name,
    kind: 'sync',
    errorFile: errorFile === undefined ? undefined : { root, path: errorFile },
    secrets: config.secrets,
    open: async ({ ambient, announce, onSuccess }) =>
      await SyncService.open({ config, ambient, announce, onSuccess, role }),
  };
}
