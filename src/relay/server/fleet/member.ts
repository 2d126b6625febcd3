import type { InstanceLabels } from '../../../model/instance-label.ts';
import type { Oid } from '../../../model/oid.ts';
import type {
  ProcessState,
  Report,
  ReportedFailure,
  ReportedProcess,
  ReportedRevision,
} from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Rollout } from './rollout.ts';

/** One subscriber that sent a report. Times are milliseconds since the epoch. */
export interface Member {
  /** The principal whose stream it is. */
  readonly owner: string;
  /** Grows from member to member: their order in `GET /fleet`. */
  readonly number: number;
  readonly repository: RepositoryName;
  /** The digest of the key with which its stream was opened; undefined: an older release has none. */
  readonly key: string | undefined;
  report: Report;
  readonly connectedAt: number;
  /** undefined while its stream is open. */
  goneAt: number | undefined;
  /** Since when it is not where its ref is; undefined while it is. */
  behindSince: number | undefined;
  /** The rollout that it followed last. */
  followed: Rollout | undefined;
}

interface RevisionDocument {
  readonly ref: string;
  readonly oid: Oid;
  readonly since: string;
}

interface FailureDocument extends RevisionDocument {
  readonly reason: string;
  /** What the process wrote last; only where something is known of it. */
  readonly output?: readonly string[];
}

/** How the process of `run` is. */
interface ProcessDocument {
  /** What it runs; null while there is nothing to run. */
  readonly ref: string | null;
  readonly oid: Oid | null;
  readonly state: ProcessState;
  readonly since: string;
  /** How often it ended by itself since the revision was deployed or resumed. */
  readonly ended: number;
  /** Why it ended last. */
  readonly reason: string | null;
  /** What it wrote then; only where something is known of it. */
  readonly output?: readonly string[];
}

/** What `GET /fleet` shows of a member. Times are ISO 8601, durations milliseconds. */
export interface InstanceDocument {
  /** Unique as long as the relay runs. */
  readonly number: number;
  readonly instance: string;
  readonly labels: InstanceLabels;
  readonly connected: boolean;
  /** When its stream was opened, or when it ended. */
  readonly since: string;
  readonly published: RevisionDocument | null;
  readonly running: RevisionDocument | null;
  /** The revision that `run` could not bring to life. */
  readonly failed: FailureDocument | null;
  /** Only of an instance that reports it. */
  readonly process?: ProcessDocument;
  readonly behind: boolean;
  readonly behindSince: string | null;
  readonly behindMs: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

function revision(reported: ReportedRevision | undefined): RevisionDocument | null {
  return reported ? { ref: reported.ref, oid: reported.oid, since: iso(reported.at) } : null;
}

function failure(reported: ReportedFailure | undefined): FailureDocument | null {
  const failed = revision(reported);
  if (!failed || !reported) return null;
  const { reason, output } = reported;
  return { ...failed, reason, ...(output && { output }) };
}

function describeProcess({ of, state, at, ended, reason, output }: ReportedProcess): ProcessDocument {
  const why = { reason: reason ?? null, ...(output && { output }) };
  return { ref: of?.ref ?? null, oid: of?.oid ?? null, state, since: iso(at), ended, ...why };
}

/** The refs that it reports about. */
export function refsOfMember({ report: { published, running, failed, process } }: Member): string[] {
  return [published?.ref, running?.ref, failed?.ref, process?.of?.ref].flatMap((ref) =>
    ref === undefined ? [] : [ref],
  );
}

export function describeMember(member: Member, now: number): InstanceDocument {
  const { report, number, connectedAt, goneAt, behindSince } = member;
  return {
    number,
    instance: report.instance,
    labels: report.labels ?? {},
    connected: goneAt === undefined,
    since: iso(goneAt ?? connectedAt),
    published: revision(report.published),
    running: revision(report.running),
    failed: failure(report.failed),
    ...(report.process && { process: describeProcess(report.process) }),
    behind: behindSince !== undefined,
    behindSince: behindSince === undefined ? null : iso(behindSince),
    behindMs: behindSince === undefined ? 0 : Math.max(0, now - behindSince),
  };
}
