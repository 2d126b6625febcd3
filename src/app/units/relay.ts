import { parseRolloutFile } from '../../config/document/read-rollout-file.ts';
import type { RelayConfig } from '../../config/relay-config.ts';
import { letEngineGrow } from '../../platform/engine.ts';
import { createSeparateRunner } from '../../platform/process/separate-runner.ts';
import { RUNNER_PROGRAM } from '../../platform/version.ts';
import { endpointOf, RelayService } from '../../relay/service.ts';
import type { Unit } from '../plan.ts';

export interface RelayUnitOptions {
  readonly name: string;
  readonly config: RelayConfig;
  /** It serves at `config.http` alone; else at the address of the process. */
  readonly hasOwnAddress: boolean;
}

export function relayUnit({ name, config, hasOwnAddress }: RelayUnitOptions): Unit {
  return {
    name,
    kind: 'relay',
    errorFile: undefined,
    secrets: config.secrets,
    needs: endpointOf(config),
    ownHttp: hasOwnAddress ? config.http : undefined,
    // A relay starts many processes while it serves: from a process of their own, starting them stops nobody.
    open: async ({ ambient, announce }) => {
      // With many clients it would do little else than collect garbage, and it always has work.
      letEngineGrow();
      const runner = RUNNER_PROGRAM === undefined ? ambient.runner : createSeparateRunner(RUNNER_PROGRAM);
      const parsePolicies = parseRolloutFile;
      return await RelayService.open({ config, ambient: { ...ambient, runner }, announce, parsePolicies });
    },
  };
}
