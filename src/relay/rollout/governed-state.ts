import type { Oid } from '../../model/oid.ts';
import type { JournalEntry } from './journal.ts';

/** How far an instance has come with the revision that it was given. */
export type Progress = 'waiting' | 'done' | 'failed';

/** An instance in the state. Times are milliseconds since the epoch. */
export interface MemberState {
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What it may be shown. */
  readonly target: Oid;
  /** When it disconnected; undefined: it was connected. */
  readonly lostAt?: number | undefined;
  /** Its stage in the rollout under way; undefined: no stage that is open selects it. */
  readonly stage?: number | undefined;
  /** It came after its stage had opened. */
  readonly late: boolean;
  readonly progress: Progress;
  /** It was done once in the rollout under way: it has made the only progress that it can make. */
  readonly wasDone: boolean;
  /** Its stage ended without it, so it is not waited for. */
  readonly writtenOff: boolean;
  /** It has to go back and has not reported that it did. */
  readonly goesBack: boolean;
  /** It was still under way to its revision when a newer rollout began. It is unavailable until it got there. */
  readonly leftover: boolean;
  /** It has reported a process of `run`. */
  readonly runs: boolean;
  /** How often its process ended by itself since the open stage opened; undefined: never. */
  readonly crashes?: number | undefined;
}

export interface FailureState {
  readonly key: string;
  readonly name: string;
  /** The stage that was open. */
  readonly stage: number;
  readonly reason: string;
  readonly at: number;
}

export interface HaltState {
  readonly at: number;
  readonly why: string;
  /** The person who aborted it; undefined: it halted by itself. */
  readonly who?: string | undefined;
  /** Those who had the revision were given the last completed one again. */
  readonly wentBack: boolean;
}

/** A rollout that has not completed. */
export interface RolloutState {
  readonly oid: Oid;
  readonly startedAt: number;
  /** It skips the stages: all instances are in the last one. */
  readonly skipsAhead: boolean;
  /** The stage that is open; -1 before the first. */
  readonly stage: number;
  readonly openedAt: number;
  /** When those who are not done have failed: each instance that is done for the first time puts it off. */
  readonly deadlineAt: number;
  /** The stage waits for its first instance, and its time does not run. */
  readonly isUninhabited: boolean;
  /** Since when all of the stage are done. */
  readonly soakFrom?: number | undefined;
  /** Since when its clock stands still, because it is paused or frozen. */
  readonly heldFrom?: number | undefined;
  readonly isFrozen: boolean;
  /** The stage that a person opened in spite of a freeze window. */
  readonly thawed?: number | undefined;
  readonly failures: readonly FailureState[];
  readonly halt?: HaltState | undefined;
}

export interface PushedRevision {
  readonly oid: Oid;
  readonly at: number;
}

export interface Said {
  readonly at: number;
  readonly who: string;
  readonly why: string;
}

/**
 * What a relay has to remember of one governed ref: plain JSON, and bounded. Instances are in it only while one of them
 * may be shown something else than the completed revision.
 */
export interface GovernedState {
  readonly version: 1;
  /** When the last change was made. From then to a restart no clock of a rollout runs. */
  readonly changedAt?: number | undefined;
  /** How many instances were connected then. */
  readonly fleet: number;
  /** The names of the stages when it was written: another policy starts the stages again. */
  readonly stages: readonly string[];
  /** Where the ref is on the git server. */
  readonly tip?: Oid | undefined;
  readonly completed?: PushedRevision | undefined;
  /** Completed before, the newest last. */
  readonly history: readonly Oid[];
  readonly rollout?: RolloutState | undefined;
  readonly queue: readonly PushedRevision[];
  readonly refused: readonly Oid[];
  readonly paused?: Said | undefined;
  readonly pinned?: Said | undefined;
  readonly members: readonly MemberState[];
  readonly journal: readonly JournalEntry[];
}
