import type { RelayConfig } from '../../config/relay-config.ts';
import { createThreadedRunner } from '../../platform/threaded-runner.ts';
import { RUNNER_THREAD } from '../../platform/version.ts';
import { RelayService } from '../../relay/service.ts';
import type { Unit } from '../plan.ts';

export interface RelayUnitOptions {
  readonly name: string;
  readonly config: RelayConfig;
}

export function relayUnit({ name, config }: RelayUnitOptions): Unit {
  return {
    name,
    kind: 'relay',
    errorFile: undefined,
    secrets: config.secrets,
    // A relay starts many processes while it serves: from a thread of its own, starting them stops nobody.
    open: async ({ ambient, announce }) => {
      const runner = RUNNER_THREAD === undefined ? ambient.runner : createThreadedRunner(RUNNER_THREAD);
      return await RelayService.open({ config, ambient: { ...ambient, runner }, announce });
    },
  };
}
