import { boot } from '../app/boot.ts';
import { relayUnit } from '../app/units/relay.ts';
import { buildRelayConfig } from '../config/build-relay-config.ts';
import type { Call } from './perform.ts';

/** `git-sidecar relay`. Returns the exit status. */
export async function startRelay({ loaded, env, io }: Call): Promise<number> {
  const config = buildRelayConfig(loaded.settings, env);
  const { verbosity, logFormat } = config;
  const plan = {
    title: 'relay',
    hidesArguments: config.secretsOnCommandLine,
    log: { verbosity, logFormat },
    http: config.http,
    mode: 'v4' as const,
    facts: {},
    notices: loaded.notices,
    wakeOn: undefined,
    ownCertificates: config.nats === undefined,
    hasUnits: false,
    units: [relayUnit({ name: 'relay', config, hasOwnAddress: false })],
  };
  return await boot(plan, io);
}
