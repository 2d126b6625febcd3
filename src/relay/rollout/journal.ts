import type { Oid } from '../../model/oid.ts';

/** Something that happened to a rollout. `at` is milliseconds since the epoch. */
export interface JournalEntry {
  readonly at: number;
  readonly what:
    | 'first'
    | 'started'
    | 'queued'
    | 'refused'
    | 'replaced'
    | 'opened'
    | 'skipped'
    | 'failed'
    | 'soaking'
    | 'halted'
    | 'reverting'
    | 'completed'
    | 'frozen'
    | 'thawed'
    | 'paused'
    | 'resumed'
    | 'promoted'
    | 'aborted'
    | 'reverted'
    | 'pinned'
    | 'unpinned'
    | 'policy';
  /** The person who gave an order; undefined for what the relay did itself. */
  readonly who?: string | undefined;
  readonly why?: string | undefined;
  readonly oid?: Oid | undefined;
  readonly stage?: string | undefined;
}

/** So many entries are kept of one ref. */
const MOST_ENTRIES = 100;

/** `entries` with `more` behind them; the oldest make room. */
export function withEntries(entries: readonly JournalEntry[], more: readonly JournalEntry[]): readonly JournalEntry[] {
  return more.length === 0 ? entries : [...entries, ...more].slice(-MOST_ENTRIES);
}
