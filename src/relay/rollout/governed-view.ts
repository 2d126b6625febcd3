import type { Oid } from '../../model/oid.ts';
import type { JournalEntry } from './journal.ts';

export type RolloutStatus = 'running' | 'soaking' | 'paused' | 'frozen' | 'halted' | 'reverting' | 'complete';

export interface StageView {
  readonly name: string;
  readonly state: 'waiting' | 'open' | 'soaking' | 'over';
  /** Those in it, of them those who may be shown the revision, and how far these are. */
  readonly instances: number;
  readonly released: number;
  readonly done: number;
  readonly failed: number;
  /** Released, and disconnected before they were done. */
  readonly lost: number;
  /** Names of some that were released and are not done. */
  readonly open: readonly string[];
}

export interface FailureView {
  readonly instance: string;
  readonly stage: string;
  readonly reason: string;
  readonly at: string;
}

/** What the API, the page and `git-sidecar fleet` show of a governed ref. Times are ISO 8601. */
export interface GovernedView {
  readonly policy: string;
  readonly status: RolloutStatus;
  /** One sentence. */
  readonly why: string;
  readonly since: string | null;
  /** The revision that the status is about: that of the rollout, or the completed one. */
  readonly oid: Oid | null;
  /** The revision that the rollout replaces. */
  readonly from: Oid | null;
  readonly completed: Oid | null;
  readonly tip: Oid | null;
  readonly stage: string | null;
  readonly stages: readonly StageView[];
  readonly unavailable: number;
  readonly maxUnavailable: number;
  readonly deadline: string | null;
  readonly soakedAt: string | null;
  readonly frozen: boolean;
  readonly paused: { readonly who: string; readonly why: string; readonly since: string } | null;
  readonly pinned: { readonly who: string; readonly why: string; readonly since: string } | null;
  readonly queued: readonly Oid[];
  readonly refused: readonly Oid[];
  readonly failures: readonly FailureView[];
  /** The newest first. */
  readonly journal: readonly JournalEntry[];
}
