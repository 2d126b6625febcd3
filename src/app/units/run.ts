import type { RunConfig } from '../../config/run-config.ts';
import { RunService } from '../../run/service.ts';
import type { Unit } from '../plan.ts';

export interface RunUnitOptions {
  readonly name: string;
  readonly config: RunConfig;
  /** The unit that makes the link; undefined: another process does. */
  readonly from: string | undefined;
  readonly leads: boolean;
}

export function runUnit({ name, config, from, leads }: RunUnitOptions): Unit {
  return {
    name,
    kind: 'run',
    errorFile: undefined,
    secrets: config.secrets,
    open: async ({ ambient, announce, find }) => {
      const sync = from === undefined ? undefined : find(from);
      return await RunService.open({ config, ambient, announce, sync, unit: leads ? undefined : name });
    },
  };
}
