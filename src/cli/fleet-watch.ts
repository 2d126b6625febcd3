import type { Io } from '../app/outcome.ts';
import type { FleetRequest } from '../config/requests.ts';
import { SidecarError } from '../model/error.ts';
import { visibleText } from '../platform/visible-text.ts';
import type { Ask } from './fleet-client.ts';
import { pollRollouts } from './fleet-poll.ts';
import { lineOf, nameOf, newsOf } from './fleet-text.ts';

/**
 * Prints a line whenever a rollout moves, until the process is ended. A relay that does not answer is asked again after
 * growing pauses.
 * @throws SidecarError ERR_FLEET, ERR_FLEET_UNREACHABLE when it does not answer at the start
 */
export async function watch({ repository, ref, asJson }: FleetRequest, ask: Ask, io: Io): Promise<void> {
  const shown = new Map<string, string>();
  const say = (text: string): void => io.stdout(`${new Date().toISOString().slice(11, 19)}  ${text}\n`);
  let last: 'none' | 'answer' | 'failure' = 'none';
  for await (const found of pollRollouts(ask)) {
    if (found instanceof SidecarError) {
      if (last === 'none') throw found;
      if (last === 'answer' && !asJson) say(`no answer: ${visibleText(found.detail)}`);
      last = 'failure';
      continue;
    }
    if (last === 'failure' && !asJson) say('the relay answers again');
    last = 'answer';
    for (const entry of found.rollouts) {
      if (repository !== '' && (entry.repository !== repository || entry.ref !== ref)) continue;
      const [name, news] = [nameOf(entry), newsOf(entry)];
      if (shown.get(name) === news) continue;
      shown.set(name, news);
      if (asJson) io.stdout(`${JSON.stringify(entry)}\n`);
      else say(`${visibleText(name)}  ${lineOf(entry)}`);
    }
  }
}
