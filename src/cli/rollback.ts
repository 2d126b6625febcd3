import { EXIT } from '../app/outcome.ts';
import { rollbackOf } from '../config/requests.ts';
import { orderRollback } from '../run/control-socket.ts';
import type { Call } from './perform.ts';

/** `git-sidecar rollback`. */
export async function startRollback({ loaded, cwd, io }: Call): Promise<number> {
  const { state, commit } = rollbackOf(loaded, cwd);
  io.stdout(`${await orderRollback(state, commit)} runs now\n`);
  return EXIT.ok;
}
