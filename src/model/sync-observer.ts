import type { SidecarError } from './error.ts';
import type { Revision } from './revision.ts';

export type CycleStatus = 'success' | 'noop' | 'error';

/** Facts about one finished cycle. Durations in milliseconds. */
export interface CycleReport {
  readonly status: CycleStatus;
  readonly durationMs: number;
  readonly pollMs: number | undefined;
  readonly error: SidecarError | undefined;
  /** What is published now; undefined when the cycle failed. */
  readonly revision: Revision | undefined;
  /** The last commit of the remote: with `--path` it can be a later one than what is published. */
  readonly considered: Revision | undefined;
}

/** An observer of the sync: metrics, readiness, the demo. Methods must not throw. */
export interface SyncObserver {
  onCycleStart(): void;
  /** The remote was asked and what it has is published. */
  onCycle(report: CycleReport): void;
  onPublish(revision: Revision, updateMs: number): void;
  /** The published tree was compared with its commit. */
  onVerify(changed: number, untracked: number): void;
}
