import type { Oid } from '../../model/oid.ts';
import type { Report, ReportedRevision } from '../protocol/report.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';

/** One subscriber that told us about itself. Times are milliseconds since the epoch. */
export interface Member {
  readonly repository: RepositoryName;
  report: Report;
  readonly connectedAt: number;
  /** undefined while its stream is open. */
  goneAt: number | undefined;
  /** Since when it is not where its ref is; undefined while it is. */
  behindSince: number | undefined;
}

/** One ref that moved, and who followed. */
export interface Rollout {
  readonly repository: RepositoryName;
  readonly ref: string;
  readonly oid: Oid;
  readonly at: number;
  /** Streams that were open then, or reported it since. */
  readonly total: Set<string>;
  /** Milliseconds from the change to each one's publish, as reported. */
  readonly done: Map<string, number>;
  /** When the last of them was done. */
  lastAt: number | undefined;
}

/** What `GET /fleet` answers. Times are ISO 8601, durations milliseconds. */
export interface FleetDocument {
  readonly at: string;
  readonly repositories: readonly RepositoryDocument[];
}

interface RepositoryDocument {
  readonly repository: RepositoryName;
  /** When the git server last confirmed the refs; null: never. */
  readonly asOf: string | null;
  readonly connected: number;
  readonly behind: number;
  readonly instances: readonly InstanceDocument[];
  /** The newest first. */
  readonly rollouts: readonly RolloutDocument[];
}

interface RevisionDocument {
  readonly ref: string;
  readonly oid: Oid;
  readonly since: string;
}

interface InstanceDocument {
  readonly instance: string;
  readonly stream: string;
  readonly connected: boolean;
  /** When its stream was opened, or when it ended. */
  readonly since: string;
  readonly published: RevisionDocument | null;
  readonly running: RevisionDocument | null;
  readonly behind: boolean;
  readonly behindSince: string | null;
  readonly behindMs: number;
}

interface RolloutDocument {
  readonly ref: string;
  readonly oid: Oid;
  readonly at: string;
  readonly instances: number;
  readonly done: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly slowestMs: number | null;
  /** When the last of them was done; null while somebody is not. */
  readonly completeAt: string | null;
}

export const iso = (ms: number): string => new Date(ms).toISOString();

function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

function revision(reported: ReportedRevision | undefined): RevisionDocument | null {
  return reported ? { ref: reported.ref, oid: reported.oid, since: iso(reported.at) } : null;
}

export function describeMember({ report, connectedAt, goneAt, behindSince }: Member, now: number): InstanceDocument {
  return {
    instance: report.instance,
    stream: report.stream,
    connected: goneAt === undefined,
    since: iso(goneAt ?? connectedAt),
    published: revision(report.published),
    running: revision(report.running),
    behind: behindSince !== undefined,
    behindSince: behindSince === undefined ? null : iso(behindSince),
    behindMs: behindSince === undefined ? 0 : now - behindSince,
  };
}

export function describeRollout({ ref, oid, at, total, done, lastAt }: Rollout): RolloutDocument {
  const sorted = [...done.values()].sort((a, b) => a - b);
  return {
    ref,
    oid,
    at: iso(at),
    instances: total.size,
    done: done.size,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    slowestMs: sorted.at(-1) ?? null,
    completeAt: lastAt !== undefined && done.size >= total.size ? iso(lastAt) : null,
  };
}
