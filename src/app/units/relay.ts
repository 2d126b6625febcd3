import type { RelayConfig } from '../../config/relay-config.ts';
import type { Redactor } from '../../platform/redact.ts';
import { RelayService } from '../../relay/service.ts';
import type { Unit } from '../plan.ts';

export interface RelayUnitOptions {
  readonly name: string;
  readonly config: RelayConfig;
  readonly addSecrets: (redactor: Redactor) => void;
}

export function relayUnit({ name, config, addSecrets }: RelayUnitOptions): Unit {
  return {
    name,
    kind: 'relay',
    errorFile: undefined,
    addSecrets,
    open: async ({ ambient, announce }) => await RelayService.open({ config, ambient, announce }),
  };
}
