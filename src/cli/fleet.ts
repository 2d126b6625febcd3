import { EXIT } from '../app/outcome.ts';
import { fleetOf } from '../config/requests.ts';
import { visibleText } from '../platform/visible-text.ts';
import { askRelay, giveOrder, readRollouts } from './fleet-client.ts';
import { type RolloutEntry, tableOf } from './fleet-text.ts';
import { wait } from './fleet-wait.ts';
import { watch } from './fleet-watch.ts';
import type { Call } from './perform.ts';

/** `git-sidecar fleet`. @throws SidecarError of a code that begins with ERR_FLEET */
export async function startFleet({ loaded, env, io }: Call): Promise<number> {
  const request = fleetOf(loaded);
  const { asJson, verb } = request;
  const ask = await askRelay(request, env);
  if (verb === 'wait') return await wait(request, ask, io);
  if (verb === 'watch') await watch(request, ask, io);
  else if (verb === 'show') {
    const { body, rollouts, trouble } = await readRollouts(ask);
    io.stdout(asJson ? body : tableOf(rollouts));
    if (trouble !== null && !asJson) io.stdout(`${visibleText(trouble)}\n`);
  } else {
    const body = await giveOrder(ask, request);
    io.stdout(asJson ? body : tableOf([JSON.parse(body) as RolloutEntry]));
  }
  return EXIT.ok;
}
