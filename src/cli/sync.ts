import { boot } from '../app/boot.ts';
import { syncUnit } from '../app/units/sync.ts';
import { buildSyncConfig } from '../config/build-config.ts';
import { hintFor } from '../config/hint-words.ts';
import type { Command } from './perform.ts';

/** `git-sidecar sync` and `git-sync`, which ignores arguments that are no options. */
export const SYNC: Command = {
  name: 'sync',
  words: Number.POSITIVE_INFINITY,
  start: async ({ loaded: { settings, notices, compat }, env, io }) => {
    const config = buildSyncConfig(settings, env);
    const { verbosity, logFormat } = config;
    const plan = {
      title: 'sync',
      hidesArguments: config.secretsOnCommandLine,
      log: { verbosity, logFormat },
      http: config.http,
      mode: config.mode,
      facts: { reason: compat.reason },
      notices,
      hintOf: (error: Parameters<typeof hintFor>[0]) => hintFor(error, settings),
      wakeOn: config.syncOnSignal,
      ownCertificates: config.nats === undefined,
      hasUnits: false,
      units: [syncUnit({ name: 'sync', config, role: 'alone' })],
    };
    return await boot(plan, io);
  },
};
