import type { RefusedTip } from './tip-gate.ts';

/** A tip that is not passed on, as `/fleet` and `/status` show it. */
export interface RefusedDocument {
  readonly ref: string;
  readonly oid: string;
  readonly code: string;
  readonly reason: string;
}

/** Of a repository with more of them, the others are in the log. */
const MOST = 100;

/** @param shows the refs that may be seen */
export function describeRefused(
  refused: ReadonlyMap<string, RefusedTip>,
  shows: (ref: string) => boolean,
): readonly RefusedDocument[] {
  const seen = [...refused].filter(([ref]) => shows(ref)).slice(0, MOST);
  return seen.map(([ref, { oid, error }]) => ({ ref, oid, code: error.code, reason: error.message }));
}
