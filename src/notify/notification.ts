import type { Oid } from '../model/oid.ts';
import type { TraceContext } from '../platform/trace/span.ts';

/** A publish, as hooks get it. A retry gets the very same one. */
export interface Notification {
  readonly oid: Oid;
  /** Full name. */
  readonly ref: string;
  /** The worktree that was published; it has to stay while a hook works. */
  readonly worktree: string;
  /** What consumers see of it, and where the exechook works. */
  readonly directory: string;
  /** When it was published; milliseconds since the epoch. */
  readonly at: number;
  /** What the work of a hook is a part of; undefined where nothing is traced. */
  readonly trace?: TraceContext | undefined;
}
