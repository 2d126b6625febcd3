import { SidecarError } from '../../model/error.ts';
import { type InstanceLabels, labelsOf, MOST_LABELS } from '../../model/instance-label.ts';
import { type Oid, parseOid } from '../../model/oid.ts';
import { isVisible } from '../../platform/visible-text.ts';

/** What a subscriber says about itself. Times are milliseconds since the epoch. */
export interface Report {
  /** One stream of one process; a name that no other stream has. */
  readonly stream: string;
  /** The stream before, which is over whether the relay has noticed or not. */
  readonly replaces: string | undefined;
  /** What people call it: the Pod's name. */
  readonly instance: string;
  /** What its link shows. */
  readonly published: ReportedRevision | undefined;
  /** What `run` is running. */
  readonly running: ReportedRevision | undefined;
  /** The revision that `run` could not bring to life; undefined when there is none. */
  readonly failed?: ReportedFailure | undefined;
  /** What the instance is, for the policies of the relay. */
  readonly labels?: InstanceLabels;
  /** The name of the relay that released refs to it before this stream. */
  readonly releasedBy?: string | undefined;
}

export interface ReportedRevision {
  readonly ref: string;
  readonly oid: Oid;
  readonly at: number;
}

export interface ReportedFailure extends ReportedRevision {
  readonly reason: string;
}

/** In bytes of its JSON. */
export const LARGEST_REPORT = 8192;
const LONGEST_STREAM = 200;
const LONGEST_INSTANCE = 200;
const LONGEST_REF = 400;
/** In characters. */
export const LONGEST_REASON = 200;
/** The last millisecond of the year 9999: everything up to it has a date of ISO 8601 with four digits for the year. */
const LATEST = 253_402_300_799_999;
const REF = /^[^\s~^:?*[\\]+$/u;

function refused(detail: string): SidecarError {
  return new SidecarError('ERR_RELAY_REPORT', { op: 'read a report', detail });
}

function readText(value: unknown, name: string, longest: number): string {
  if (typeof value !== 'string' || value === '') throw refused(`\`${name}\` must be a text`);
  if (value.length > longest) throw refused(`\`${name}\` has more than ${longest} characters`);
  if (!isVisible(value)) throw refused(`\`${name}\` has characters that cannot be shown`);
  return value;
}

function readStream(value: unknown, name: string): string {
  const stream = readText(value, name, LONGEST_STREAM);
  if (!/^[\x21-\x7e]+$/.test(stream)) throw refused(`\`${name}\` must be printable ASCII without spaces`);
  return stream;
}

function readRevision(value: unknown, name: string): ReportedRevision | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') throw refused(`\`${name}\` must be an object`);
  const { ref, oid: id, at } = value as Record<string, unknown>;
  const oid = typeof id === 'string' ? parseOid(id) : undefined;
  if (!oid) throw refused(`\`${name}.oid\` must be an object id`);
  const refName = readText(ref, `${name}.ref`, LONGEST_REF);
  if (!REF.test(refName)) throw refused(`\`${name}.ref\` must be the name of a ref`);
  if (typeof at !== 'number' || !(at >= 0 && at <= LATEST))
    throw refused(`\`${name}.at\` must be milliseconds since 1970, at most ${LATEST}`);
  return { ref: refName, oid, at };
}

function readFailure(value: unknown): ReportedFailure | undefined {
  const revision = readRevision(value, 'failed');
  const { reason } = (value ?? {}) as Record<string, unknown>;
  return revision && { ...revision, reason: readText(reason, 'failed.reason', LONGEST_REASON) };
}

function readLabels(value: unknown): InstanceLabels {
  const labels = typeof value === 'object' || value === undefined ? labelsOf(Object.entries(value ?? {})) : undefined;
  if (!labels) throw refused(`\`labels\` must be at most ${MOST_LABELS} names with values, as Kubernetes has them`);
  return labels;
}

function parse(text: string): Record<string, unknown> {
  if (Buffer.byteLength(text) > LARGEST_REPORT) throw refused(`it has more than ${LARGEST_REPORT} bytes`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // The parser's message quotes the text.
    throw refused('it is not JSON');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw refused('it must be an object');
  return body as Record<string, unknown>;
}

/**
 * Reads a report. What it returns can always be shown: texts are short and visible, and times are dates.
 * @throws SidecarError ERR_RELAY_REPORT, which says what is wrong
 */
export function readReport(text: string): Report {
  const body = parse(text);
  return {
    stream: readStream(body.stream, 'stream'),
    replaces: body.replaces === undefined || body.replaces === null ? undefined : readStream(body.replaces, 'replaces'),
    instance: readText(body.instance, 'instance', LONGEST_INSTANCE),
    published: readRevision(body.published, 'published'),
    running: readRevision(body.running, 'running'),
    failed: readFailure(body.failed),
    labels: readLabels(body.labels),
    ...(body.releasedBy !== undefined && { releasedBy: readText(body.releasedBy, 'releasedBy', LONGEST_INSTANCE) }),
  };
}

export function writeReport(report: Report): string {
  // Headers hold Latin-1 only.
  return JSON.stringify(report).replace(/[\u007f-\uffff]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The header of requests of git that says which instance fetches: its name, URI-encoded. */
export const INSTANCE_HEADER = 'git-sidecar-instance';

/** The header of the request for events that holds the report; in the answer it says why the report is refused. */
export const REPORT_HEADER = 'git-sidecar-report';
