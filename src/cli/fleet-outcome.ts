import { type FleetJournalEntry, type RolloutEntry, short } from './fleet-text.ts';

/** How the rollout of a commit ended. */
export interface RolloutOutcome {
  readonly isComplete: boolean;
  /** One line. */
  readonly why: string;
}

/** Entries after which all instances have the revision, or get it. */
const GIVEN_TO_ALL: readonly string[] = ['completed', 'first', 'reverted', 'pinned'];
const ENDED: readonly string[] = ['halted', 'aborted'];

function sentence({ what, who, why }: FleetJournalEntry): string {
  return `${what}${who === undefined ? '' : ` by ${who}`}${why === undefined ? '' : `: ${why}`}`;
}

/** Why a commit that the relay knew is on its way no more; the relay notes no reason for each that it leaves out. */
function whyLeftOut(last: FleetJournalEntry, { tip }: RolloutEntry): string {
  if (last.what === 'replaced' || last.what === 'refused') return sentence(last);
  return `left out: the ref went on to ${short(tip)}`;
}

/**
 * How the rollout of `commit` ended; undefined while it goes on, waits, or has not begun.
 * @param commit an object id in lower case, or the first digits of one
 */
export function outcomeFor(entry: RolloutEntry, commit: string): RolloutOutcome | undefined {
  const { completed, journal, oid, pinned, queued, refused, status, tip } = entry;
  const isIt = (each: string | null | undefined): boolean => each?.startsWith(commit) ?? false;
  const ofIt = journal.filter((each) => isIt(each.oid));
  // One that completed once may have been taken back since.
  if (refused.some(isIt)) {
    const end = ofIt.find(({ what }) => ENDED.includes(what)) ?? journal.find(({ what }) => what === 'reverted');
    return { isComplete: false, why: end ? sentence(end) : 'the relay has it in its list of refused commits' };
  }
  if (isIt(completed)) {
    const isUnderWay = status === 'reverting' && isIt(oid);
    return isUnderWay ? undefined : { isComplete: true, why: 'complete' };
  }
  if (isIt(oid) || queued.some(isIt)) return undefined;
  if (ofIt.some(({ what }) => GIVEN_TO_ALL.includes(what))) return { isComplete: true, why: 'it was complete before' };
  if (pinned && isIt(tip)) return { isComplete: false, why: `the ref is pinned by ${pinned.who}: ${pinned.why}` };
  const [last] = ofIt;
  return last && { isComplete: false, why: whyLeftOut(last, entry) };
}
