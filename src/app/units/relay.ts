import type { RelayConfig } from '../../config/relay-config.ts';
import { createThreadedRunner } from '../../platform/threaded-runner.ts';
import { RUNNER_THREAD } from '../../platform/version.ts';
import { RelayService } from '../../relay/service.ts';
import { atOwnAddress } from '../own-endpoint.ts';
import type { Unit } from '../plan.ts';

export interface RelayUnitOptions {
  readonly name: string;
  readonly config: RelayConfig;
  /** It serves at the address of its own configuration, not at that of the process. */
  readonly hasOwnAddress: boolean;
}

export function relayUnit({ name, config, hasOwnAddress }: RelayUnitOptions): Unit {
  return {
    name,
    kind: 'relay',
    errorFile: undefined,
    secrets: config.secrets,
    // A relay starts many processes while it serves: from a thread of its own, starting them stops nobody.
    open: async ({ ambient, announce }) => {
      const runner = RUNNER_THREAD === undefined ? ambient.runner : createThreadedRunner(RUNNER_THREAD);
      const service = await RelayService.open({ config, ambient: { ...ambient, runner }, announce });
      return hasOwnAddress ? await atOwnAddress(name, service, config.http, ambient) : service;
    },
  };
}
