import { setTimeout as delay } from 'node:timers/promises';
import type { Io } from '../app/outcome.ts';
import type { FleetRequest } from '../config/requests.ts';
import { SidecarError } from '../model/error.ts';
import { visibleText } from '../platform/visible-text.ts';
import { type Ask, readRollouts } from './fleet-client.ts';
import { lineOf, nameOf, type RolloutEntry } from './fleet-text.ts';

const ASK_EVERY_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

/** What has to differ to be news; how long a stage goes on is none. */
function newsOf(entry: RolloutEntry): string {
  return JSON.stringify([entry.status, entry.oid, entry.why, entry.stages]);
}

/**
 * Prints a line whenever a rollout moves, until the process is ended. A relay that does not answer is asked again after
 * growing pauses.
 * @throws SidecarError ERR_FLEET when it does not answer at the start
 */
export async function watch({ repository, ref, asJson }: FleetRequest, ask: Ask, io: Io): Promise<never> {
  const shown = new Map<string, string>();
  const say = (text: string): void => io.stdout(`${new Date().toISOString().slice(11, 19)}  ${text}\n`);
  let hasAnswered = false;
  for (let pauseMs = ASK_EVERY_MS; ; await delay(pauseMs)) {
    try {
      const { rollouts } = await readRollouts(ask);
      if (pauseMs > ASK_EVERY_MS) say('the relay answers again');
      [hasAnswered, pauseMs] = [true, ASK_EVERY_MS];
      for (const entry of rollouts) {
        if (repository !== '' && (entry.repository !== repository || entry.ref !== ref)) continue;
        const [name, news] = [nameOf(entry), newsOf(entry)];
        if (shown.get(name) === news) continue;
        shown.set(name, news);
        if (asJson) io.stdout(`${JSON.stringify(entry)}\n`);
        else say(`${visibleText(name)}  ${lineOf(entry)}`);
      }
    } catch (error) {
      if (!hasAnswered || !(error instanceof SidecarError)) throw error;
      if (pauseMs === ASK_EVERY_MS && !asJson) say(`no answer: ${visibleText(error.detail ?? error.message)}`);
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    }
  }
}
