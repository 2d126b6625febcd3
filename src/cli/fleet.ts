import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from '../app/outcome.ts';
import { type FleetRequest, fleetOf } from '../config/requests.ts';
import { SidecarError } from '../model/error.ts';
import { visibleText } from '../platform/visible-text.ts';
import { type Ask, askRelay, readRollouts, refusal } from './fleet-client.ts';
import { lineOf, type RolloutEntry, tableOf } from './fleet-text.ts';
import { watch } from './fleet-watch.ts';
import type { Call } from './perform.ts';

const ASK_EVERY_MS = 1000;

/** How the rollout of `commit` ended; undefined while it goes on. */
function outcomeFor({ completed, refused, status, oid, journal }: RolloutEntry, commit: string): boolean | undefined {
  const isIt = (each: string | null | undefined): boolean => each?.startsWith(commit) ?? false;
  // One that completed once may have been taken back since.
  if (refused.some(isIt) || (isIt(oid) && (status === 'halted' || status === 'reverting'))) return false;
  const hasCompleted = isIt(completed) || journal.some(({ what, oid: done }) => what === 'completed' && isIt(done));
  return hasCompleted ? true : undefined;
}

async function wait(request: FleetRequest, ask: Ask, { io }: Call): Promise<number> {
  const { repository, ref, commit = '', withinMs } = request;
  const end = Date.now() + withinMs;
  for (let shown = ''; ; ) {
    const { rollouts } = await readRollouts(ask);
    const entry = rollouts.find((each) => each.repository === repository && each.ref === ref);
    if (!entry) {
      const detail = 'no policy of the relay governs it, or nobody follows it yet';
      throw new SidecarError('ERR_FLEET', { op: 'wait for', target: `${repository}#${ref}`, detail });
    }
    const line = lineOf(entry);
    if (line !== shown) io.stdout(`${line}\n`);
    shown = line;
    const outcome = outcomeFor(entry, commit);
    if (outcome !== undefined) return outcome ? EXIT.ok : EXIT.failure;
    if (Date.now() >= end) {
      const detail = `it has not completed within ${Math.round(withinMs / 1000)} s`;
      throw new SidecarError('ERR_FLEET', { op: 'wait for', target: commit, detail });
    }
    await delay(ASK_EVERY_MS);
  }
}

/** `git-sidecar fleet`. @throws SidecarError ERR_FLEET */
export async function startFleet(call: Call): Promise<number> {
  const { loaded, env, io } = call;
  const request = fleetOf(loaded);
  const ask = await askRelay(request, env);
  const { verb, repository, ref, commit, who, why } = request;
  if (verb === 'wait') return await wait(request, ask, call);
  if (verb === 'watch') return await watch(request, ask, io);
  if (verb === 'show') {
    const { body, rollouts, trouble } = await readRollouts(ask);
    io.stdout(request.asJson ? body : tableOf(rollouts));
    if (trouble !== null && !request.asJson) io.stdout(`${visibleText(trouble)}\n`);
    return EXIT.ok;
  }
  const query = new URLSearchParams({ repo: repository, ref });
  const order = { order: verb, who, why, ...(commit !== undefined && { to: commit }) };
  const answer = await ask('POST', `/rollouts?${query}`, order);
  if (answer.status !== 200) throw refusal(answer, verb);
  io.stdout(request.asJson ? answer.body : tableOf([JSON.parse(answer.body) as RolloutEntry]));
  return EXIT.ok;
}
