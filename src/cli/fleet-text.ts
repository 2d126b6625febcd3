import { visibleText } from '../platform/visible-text.ts';
import { columns } from './columns.ts';

/** What `GET /rollouts` of a relay shows of a ref, as far as it is shown here. */
export interface RolloutEntry {
  readonly repository: string;
  readonly ref: string;
  readonly status: string;
  readonly why: string;
  readonly oid: string | null;
  readonly completed: string | null;
  /** Where the ref is on the git server. */
  readonly tip: string | null;
  readonly queued: readonly string[];
  readonly refused: readonly string[];
  readonly pinned: { readonly who: string; readonly why: string } | null;
  readonly stages: readonly StageEntry[];
  /** The newest first. */
  readonly journal: readonly FleetJournalEntry[];
}

export interface FleetJournalEntry {
  readonly what: string;
  readonly who?: string;
  readonly why?: string;
  readonly oid?: string;
}

interface StageEntry {
  readonly name: string;
  readonly instances: number;
  readonly done: number;
  readonly failed: number;
}

export const short = (oid: unknown): string => (typeof oid === 'string' ? oid.slice(0, 12) : '-');

/** A ref as a person writes it. */
export function nameOf({ repository, ref }: Pick<RolloutEntry, 'repository' | 'ref'>): string {
  return `${repository}#${ref.replace(/^refs\/heads\//, '')}`;
}

function progressOf({ stages }: RolloutEntry): string {
  return stages
    .filter(({ instances }) => instances > 0)
    .map(
      ({ name, done, instances, failed }) => `${name} ${done}/${instances}${failed > 0 ? ` (${failed} failed)` : ''}`,
    )
    .join(', ');
}

/** Where a rollout is, in one line; what comes from outside holds no line break and no terminal code. */
export function lineOf(entry: RolloutEntry): string {
  const details = [progressOf(entry), entry.why].filter((text) => text !== '');
  return visibleText(`${entry.status} ${short(entry.oid)}: ${details.join('; ')}`);
}

/** What has to differ between two answers to be news; how long a stage goes on is none. */
export function newsOf({ status, oid, why, stages }: RolloutEntry): string {
  return JSON.stringify([status, oid, why, stages]);
}

/** A table, a line for each ref. */
export function tableOf(rollouts: readonly RolloutEntry[]): string {
  if (rollouts.length === 0) return 'No policy of this relay governs a ref that you may see.\n';
  const rows = rollouts.map((entry) => {
    const { status, oid, why } = entry;
    return [nameOf(entry), status, short(oid), progressOf(entry), why];
  });
  return columns([['REF', 'STATUS', 'COMMIT', 'STAGES', ''], ...rows]);
}
