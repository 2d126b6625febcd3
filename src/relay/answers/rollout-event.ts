import { createHash } from 'node:crypto';
import type { EventName } from '../../config/answer-config.ts';
import type { Oid } from '../../model/oid.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { JournalEntry } from '../rollout/journal.ts';

/** Something that happened to a rollout, as others get to know of it. */
export interface RolloutEvent {
  /** The same for each attempt to deliver it, also after a restart of the relay. */
  readonly id: string;
  readonly event: EventName;
  readonly repository: RepositoryName;
  /** Full name. */
  readonly ref: string;
  readonly policy: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly oid: Oid | undefined;
  readonly stage: string | undefined;
  readonly who: string | undefined;
  readonly why: string | undefined;
}

/** Where something happened. */
export type Place = Pick<RolloutEvent, 'repository' | 'ref' | 'policy'>;

/** What of an entry identifies it, whatever else its object holds. */
export function digestOfEntry({ at, what, who, why, oid, stage }: JournalEntry): string {
  const text = JSON.stringify([at, what, who ?? null, why ?? null, oid ?? null, stage ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** @param clean makes a text fit to be shown to others: nothing secret, on one line */
export function eventOf(place: Place, entry: JournalEntry, clean: (text: string) => string): RolloutEvent {
  const { what: event, at, oid, stage, who, why } = entry;
  const name = createHash('sha256').update(`${place.repository}\n${place.ref}\n${digestOfEntry(entry)}`);
  return {
    id: name.digest('hex').slice(0, 32),
    event,
    ...place,
    at,
    oid,
    stage,
    who: who === undefined ? undefined : clean(who),
    why: why === undefined ? undefined : clean(why),
  };
}

/** `main` for `refs/heads/main`. */
export function shortRef(ref: string): string {
  return ref.replace(/^refs\/(?:heads|tags)\//, '');
}
