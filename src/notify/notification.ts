import type { Oid } from '../model/oid.ts';

/** A publish that somebody wants to hear of. */
export interface Notification {
  readonly oid: Oid;
  /** The worktree that was published. */
  readonly worktree: string;
}
