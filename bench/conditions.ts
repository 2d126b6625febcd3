import type { GitSyncBinary } from './git-sync.ts';

/** What a section gets from the command line of the bench. */
export interface Conditions {
  /** A git-sync program to measure too. */
  readonly gitSync: GitSyncBinary | undefined;
  /** Directory for figures. */
  readonly output: string;
}
