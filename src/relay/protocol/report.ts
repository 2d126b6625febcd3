import { type Oid, parseOid } from '../../model/oid.ts';

/** What a subscriber says about itself. Times are milliseconds since the epoch. */
export interface Report {
  /** One stream of one process; a name that nobody else has. */
  readonly stream: string;
  /** The stream before, which is over whether the relay has noticed or not. */
  readonly replaces: string | undefined;
  /** What people call it: the Pod's name. */
  readonly instance: string;
  /** What its link shows. */
  readonly published: ReportedRevision | undefined;
  /** What `run` is running. */
  readonly running: ReportedRevision | undefined;
}

export interface ReportedRevision {
  readonly ref: string;
  readonly oid: Oid;
  readonly at: number;
}

const LONGEST_NAME = 200;
export const LARGEST_REPORT = 4096;

function readName(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^\u0000-\u001f\u007f]+$/.test(value) && value.length <= LONGEST_NAME
    ? value
    : undefined;
}

function readRevision(value: unknown): ReportedRevision | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { ref, oid: id, at } = value as Record<string, unknown>;
  const oid = typeof id === 'string' ? parseOid(id) : undefined;
  const name = readName(ref);
  return oid && name !== undefined && typeof at === 'number' ? { ref: name, oid, at } : undefined;
}

/** Reads a report; undefined when it is none. */
export function readReport(text: string): Report | undefined {
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    const [stream, instance] = [readName(body?.stream), readName(body?.instance)];
    if (stream === undefined || instance === undefined) return undefined;
    const replaces = readName(body.replaces);
    return { stream, replaces, instance, published: readRevision(body.published), running: readRevision(body.running) };
  } catch {
    return undefined;
  }
}

export function writeReport(report: Report): string {
  // Headers hold Latin-1 only.
  return JSON.stringify(report).replace(/[\u007f-\uffff]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The header of the request for events that holds the report. */
export const REPORT_HEADER = 'git-sidecar-report';
