import { buildSyncConfig } from '../config/build-config.ts';
import { hintFor } from '../config/hint-words.ts';
import type { SidecarError } from '../model/error.ts';
import type { Command } from './perform.ts';
import { runSyncProcess } from './sync-process.ts';

/** `git-sidecar sync` and `git-sync`, which ignores arguments that are no options. */
export const SYNC: Command = {
  name: 'sync',
  words: Number.POSITIVE_INFINITY,
  start: async ({ loaded: { settings, notices, compat }, env, io }) => {
    const config = buildSyncConfig(settings, env);
    const hintOf = (error: SidecarError): string => hintFor(error, settings);
    return await runSyncProcess({ config, notices, compatReason: compat.reason, hintOf, io });
  },
};
