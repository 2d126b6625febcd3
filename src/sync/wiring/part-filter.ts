import type { SyncConfig } from '../../config/sync-config.ts';

/**
 * The configuration with the filter that goes with `--path`: the server is to leave out all files, and those of the part
 * are fetched on their own. A filter of the user's stays; a shared store holds all files for all.
 */
export function withPartFilter(config: SyncConfig): SyncConfig {
  return config.path === undefined || config.filter !== '' ? config : { ...config, filter: 'blob:none' };
}
