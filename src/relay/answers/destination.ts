import type { Audience } from '../../config/answer-config.ts';
import { compileNamePattern, compileRefGlobs } from '../server/access/allow.ts';
import type { CommitStatus } from './commit-status.ts';
import type { Mark } from './marks.ts';
import type { Place, RolloutEvent } from './rollout-event.ts';

/** Somebody who gets to know of rollouts: an entry of `answers` or `notifications`. */
export interface Destination {
  /** The same as long as the entry has its name. */
  readonly id: string;
  /** Differs when the entry was changed. */
  readonly digest: string;
  /** Which kind it is, for metrics. */
  readonly kind: string;
  readonly pending: number;
  readonly isFor: (place: Place) => boolean;
  /** How much of an event, with the statuses that it leads to, is delivered here. */
  wants(event: RolloutEvent, statuses: readonly CommitStatus[]): number;
  /** Delivers it, in time. @param mark settled as often as {@link wants} says */
  take(event: RolloutEvent, statuses: readonly CommitStatus[], mark: Mark): void;
  /** How far a rollout has come; nothing is lost when it is not delivered. */
  progress(status: CommitStatus): void;
  /** Files with secrets may be others. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** Says which rollouts an entry is about. */
export function compileAudience({ repository, refs, policies }: Audience): Destination['isFor'] {
  const isRepository = repository === undefined ? () => true : compileNamePattern(repository);
  const isRef = refs === undefined ? () => true : compileRefGlobs(refs.join(','));
  return (place) => isRepository(place.repository) && isRef(place.ref) && (policies?.includes(place.policy) ?? true);
}

/** The name of a ref in the ledger. */
export function refKey({ repository, ref }: Pick<Place, 'repository' | 'ref'>): string {
  return `${repository}\n${ref}`;
}
