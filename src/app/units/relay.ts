import type { RelayConfig } from '../../config/relay-config.ts';
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
    open: async ({ ambient, announce }) => await RelayService.open({ config, ambient, announce }),
  };
}
