import { buildRelayConfig } from '../config/build-relay-config.ts';
import type { Call } from './perform.ts';
import { runRelayProcess } from './relay-process.ts';

/** `git-sidecar relay`. Returns the exit status. */
export async function startRelay({ loaded, env, io }: Call): Promise<number> {
  return await runRelayProcess(buildRelayConfig(loaded.settings, env), loaded.notices, io);
}
