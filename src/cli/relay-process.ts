import { boot } from '../app/boot.ts';
import type { Io } from '../app/outcome.ts';
import { relayUnit } from '../app/units/relay.ts';
import type { RelayConfig } from '../config/relay-config.ts';

/** One relay, from checked configuration to exit status. */
export async function runRelayProcess(config: RelayConfig, notices: readonly string[], io: Io): Promise<number> {
  const { verbosity, logFormat } = config;
  const plan = {
    title: 'relay',
    hidesArguments: config.secretsOnCommandLine,
    log: { verbosity, logFormat },
    http: config.http,
    mode: 'v4' as const,
    facts: {},
    notices,
    wakeOn: undefined,
    ownCertificates: config.nats === undefined,
    hasUnits: false,
    units: [relayUnit({ name: 'relay', config, hasOwnAddress: false })],
  };
  return await boot(plan, io);
}
