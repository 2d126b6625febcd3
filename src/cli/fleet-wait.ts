import { EXIT, type Io } from '../app/outcome.ts';
import type { FleetRequest } from '../config/requests.ts';
import { SidecarError } from '../model/error.ts';
import { visibleText } from '../platform/visible-text.ts';
import type { Ask, ReadRollouts } from './fleet-client.ts';
import { outcomeFor } from './fleet-outcome.ts';
import { pollRollouts } from './fleet-poll.ts';
import { lineOf, newsOf, type RolloutEntry, short } from './fleet-text.ts';

/** Nothing is known of the ref, which a relay that starts, or that nobody has asked yet, does not show. */
const UNKNOWN =
  'the relay shows no rollout of it: no policy governs it, nobody follows it yet, or the token may not see it';

function said(found: SidecarError | ReadRollouts, entry: RolloutEntry | undefined): string {
  if (found instanceof SidecarError) return visibleText(`no answer: ${found.detail}`);
  const line = entry ? lineOf(entry) : UNKNOWN;
  return found.trouble === null ? line : visibleText(`${line}; ${found.trouble}`);
}

/**
 * Waits for the end of the rollout of a commit, and prints a line whenever it moves. A relay that does not answer is
 * asked again.
 * @returns the exit status
 * @throws SidecarError ERR_FLEET when the relay refuses; ERR_FLEET_UNREACHABLE when it never answered, ERR_FLEET_TIMEOUT
 * when the rollout did not end in time
 */
export async function wait(request: FleetRequest, ask: Ask, io: Io): Promise<number> {
  const { repository, ref, commit = '', withinMs, asJson } = request;
  let hasAnswered = false;
  let [line, news] = ['', ''];
  for await (const found of pollRollouts(ask, Date.now() + withinMs)) {
    const isFailure = found instanceof SidecarError;
    if (isFailure && found.class !== 'retry') throw found;
    if (!isFailure) hasAnswered = true;
    const entry = isFailure
      ? undefined
      : found.rollouts.find((each) => each.repository === repository && each.ref === ref);
    const before = news;
    [line, news] = [said(found, entry), entry ? newsOf(entry) : said(found, entry)];
    if (news !== before && !asJson) io.stdout(`${line}\n`);
    if (news !== before && asJson && entry) io.stdout(`${JSON.stringify(entry)}\n`);
    const outcome = entry && outcomeFor(entry, commit);
    if (outcome?.isComplete) return EXIT.ok;
    if (outcome) {
      io.stderr(`${short(commit)} is not rolled out: ${visibleText(outcome.why)}\n`);
      return EXIT.failure;
    }
  }

  const code = hasAnswered ? 'ERR_FLEET_TIMEOUT' : 'ERR_FLEET_UNREACHABLE';
  throw new SidecarError(code, {
    op: 'wait for',
    target: commit,
    detail: `not complete after ${withinMs / 1000} s; ${line}`,
  });
}
