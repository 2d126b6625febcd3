import type { Oid } from '../model/oid.ts';

/** A publish, as hooks get it. */
export interface Notification {
  readonly oid: Oid;
  /** The worktree that was published. */
  readonly worktree: string;
  /** What the link shows of it. */
  readonly directory: string;
}
