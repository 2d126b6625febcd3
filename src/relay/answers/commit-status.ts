import type { Oid } from '../../model/oid.ts';
import type { JournalEntry } from '../rollout/journal.ts';
import type { Place } from './rollout-event.ts';

/**
 * How far a commit has come. `pending`: its rollout has not opened a stage; `stopped`: its rollout ended, and not because
 * the commit is bad.
 */
export type StatusState = 'pending' | 'running' | 'success' | 'failure' | 'stopped';

/** What a forge shows beside a commit. */
export interface CommitStatus extends Place {
  readonly oid: Oid;
  readonly state: StatusState;
  /** One line. */
  readonly text: string;
}

/** What the journal of a ref says about its commits, up to some entry. */
export interface Standing {
  readonly completed: Oid | undefined;
  /** It is being rolled out. */
  readonly underWay: Oid | undefined;
  /** When that began, in milliseconds since the epoch. */
  readonly startedAt: number;
}

export const NO_STANDING: Standing = { completed: undefined, underWay: undefined, startedAt: 0 };

type Said = Pick<CommitStatus, 'oid' | 'state' | 'text'>;

export interface Step {
  readonly standing: Standing;
  /** Commits whose status is another one now. */
  readonly statuses: readonly Said[];
}

function timeFrom(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 2) return `${Math.max(1, Math.round(ms / 1000))} s`;
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function because({ who, why }: JournalEntry): string {
  return `${who === undefined ? '' : ` by ${who}`}${why === undefined ? '' : `: ${why}`}`;
}

function inStage({ stage }: JournalEntry): string {
  return stage === undefined ? '' : ` in stage ${stage}`;
}

/** A person decided for `oid`: what was there instead, and what was on its way, is not wanted. */
function decided(standing: Standing, entry: JournalEntry, oid: Oid, word: string): Step {
  const { completed, underWay } = standing;
  const unwanted = [...new Set([underWay, completed])].filter((each) => each !== undefined && each !== oid) as Oid[];
  const to = `${word} to ${oid.slice(0, 8)}${because(entry)}`;
  return {
    standing: { completed: oid, underWay: undefined, startedAt: 0 },
    statuses: [
      ...unwanted.map((each) => ({ oid: each, state: 'failure' as const, text: to })),
      { oid, state: 'success', text: `All instances get it: ${word}${because(entry)}` },
    ],
  };
}

/** What an entry of the journal changes. The entries of a ref have to come in their order. */
export function stepBy(standing: Standing, entry: JournalEntry): Step {
  const { what, oid, at } = entry;
  const ended = { ...standing, underWay: undefined, startedAt: 0 };
  const only = (next: Standing, ...statuses: Said[]): Step => ({ standing: next, statuses });
  if (oid === undefined) return only(standing);
  switch (what) {
    case 'first':
      return only({ ...ended, completed: oid });
    case 'started':
      return only(
        { ...standing, underWay: oid, startedAt: at },
        { oid, state: 'pending', text: `The rollout begins${because(entry)}` },
      );
    case 'opened':
      return only(
        // It was halted, and goes on.
        { ...standing, underWay: oid, startedAt: standing.underWay === oid ? standing.startedAt : at },
        { oid, state: 'running', text: `stage ${entry.stage ?? ''} is open` },
      );
    case 'resumed':
      return only({ ...standing, underWay: oid, startedAt: at }, { oid, state: 'running', text: 'resumed' });
    case 'replaced':
      return only(ended, { oid, state: 'stopped', text: `Not rolled out to the end${because(entry)}` });
    case 'halted':
      return only(ended, { oid, state: 'failure', text: `Halted${because(entry)}` });
    case 'aborted':
      return only(ended, { oid, state: 'failure', text: `Aborted${inStage(entry)}${because(entry)}` });
    case 'completed': {
      const took = standing.underWay === oid ? ` after ${timeFrom(at - standing.startedAt)}` : '';
      return only({ ...ended, completed: oid }, { oid, state: 'success', text: `Rolled out to all instances${took}` });
    }
    case 'reverted':
      return decided(standing, entry, oid, 'Reverted');
    case 'pinned':
      return decided(standing, entry, oid, 'Pinned');
    default:
      return only(standing);
  }
}
