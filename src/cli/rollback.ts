import { resolve } from 'node:path';
import { SidecarError } from '../model/error.ts';
import { orderRollback } from '../run/control-socket.ts';
import { EXIT } from './outcome.ts';
import type { Call } from './perform.ts';

/** `git-sidecar rollback`. */
export async function startRollback({ loaded: { settings, words }, cwd, io }: Call): Promise<number> {
  if (!settings.isOn('state'))
    throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail: '--state must be set' });
  const id = await orderRollback(resolve(cwd, settings.text('state')), words[0]);
  io.stdout(`${id} runs now\n`);
  return EXIT.ok;
}
