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
  /** What `run` is running, and is ready. */
  readonly running: ReportedRevision | undefined;
  /** The revision that `run` could not bring to life; undefined when there is none. */
  readonly failed?: ReportedFailure | undefined;
  /** The process of `run`. Undefined without one, and from releases that say nothing but `running`. */
  readonly process?: ReportedProcess | undefined;
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
  /** What the process wrote last, in lines that can be shown. */
  readonly output?: readonly string[] | undefined;
}

/**
 * `starting`: it has not been ready yet, or is on probation. `restarting`: it ended, and is started again. `failed`: it
 * ended, and is not started again.
 */
const PROCESS_STATES = ['starting', 'ready', 'restarting', 'failed'] as const;
export type ProcessState = (typeof PROCESS_STATES)[number];

/** How the process of `run` is. */
export interface ReportedProcess {
  /** What it runs; undefined while there is nothing to run. */
  readonly of: Omit<ReportedRevision, 'at'> | undefined;
  readonly state: ProcessState;
  /** Since when, in milliseconds since the epoch. */
  readonly at: number;
  /** How often it ended by itself since `run` deployed or resumed the revision. */
  readonly ended: number;
  /** Why, in one line that can be shown. */
  readonly reason?: string | undefined;
  /** What the process that ended wrote last, in lines that can be shown. */
  readonly output?: readonly string[] | undefined;
}

/** In bytes of its JSON. */
export const LARGEST_REPORT = 8192;
/** Of the lines of one process, in characters of their JSON. */
export const LARGEST_OUTPUT = 2048;
const MOST_OUTPUT_LINES = 50;
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

function readObject(value: unknown, name: string): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') throw refused(`\`${name}\` must be an object`);
  return value as Record<string, unknown>;
}

function readRefAndOid({ ref, oid: id }: Record<string, unknown>, name: string): Omit<ReportedRevision, 'at'> {
  const oid = typeof id === 'string' ? parseOid(id) : undefined;
  if (!oid) throw refused(`\`${name}.oid\` must be an object id`);
  const refName = readText(ref, `${name}.ref`, LONGEST_REF);
  if (!REF.test(refName)) throw refused(`\`${name}.ref\` must be the name of a ref`);
  return { ref: refName, oid };
}

function readTime(at: unknown, name: string): number {
  if (typeof at !== 'number' || !(at >= 0 && at <= LATEST))
    throw refused(`\`${name}\` must be milliseconds since 1970, at most ${LATEST}`);
  return at;
}

function readRevision(value: unknown, name: string): ReportedRevision | undefined {
  const body = readObject(value, name);
  return body && { ...readRefAndOid(body, name), at: readTime(body.at, `${name}.at`) };
}

function readOutput(value: unknown, name: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length > MOST_OUTPUT_LINES || outputSize(value) > LARGEST_OUTPUT)
    throw refused(`\`${name}\` must be at most ${MOST_OUTPUT_LINES} lines with ${LARGEST_OUTPUT} characters`);
  for (const line of value)
    if (typeof line !== 'string' || !isVisible(line)) throw refused(`\`${name}\` must be lines that can be shown`);
  return value as string[];
}

function readFailure(value: unknown): ReportedFailure | undefined {
  const revision = readRevision(value, 'failed');
  const { reason, output } = (value ?? {}) as Record<string, unknown>;
  const lines = readOutput(output, 'failed.output');
  return (
    revision && {
      ...revision,
      reason: readText(reason, 'failed.reason', LONGEST_REASON),
      ...(lines && { output: lines }),
    }
  );
}

function readProcess(value: unknown): ReportedProcess | undefined {
  const body = readObject(value, 'process');
  if (!body) return undefined;
  const { of: revision, at, ended, reason, output } = body;
  // One of a newer release that is not known here is none that is ready.
  const state = PROCESS_STATES.find((each) => each === body.state) ?? 'starting';
  if (!Number.isSafeInteger(ended) || Number(ended) < 0) throw refused('`process.ended` must be a number of times');
  const of = readObject(revision, 'process.of');
  const lines = readOutput(output, 'process.output');
  return {
    ...{ of: of && readRefAndOid(of, 'process.of'), state, at: readTime(at, 'process.at'), ended: Number(ended) },
    ...(reason !== undefined && { reason: readText(reason, 'process.reason', LONGEST_REASON) }),
    ...(lines && { output: lines }),
  };
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
  const process = readProcess(body.process);
  return {
    stream: readStream(body.stream, 'stream'),
    replaces: body.replaces === undefined || body.replaces === null ? undefined : readStream(body.replaces, 'replaces'),
    instance: readText(body.instance, 'instance', LONGEST_INSTANCE),
    published: readRevision(body.published, 'published'),
    running: readRevision(body.running, 'running'),
    failed: readFailure(body.failed),
    labels: readLabels(body.labels),
    ...(process && { process }),
    ...(body.releasedBy !== undefined && { releasedBy: readText(body.releasedBy, 'releasedBy', LONGEST_INSTANCE) }),
  };
}

/** Headers hold Latin-1 only, so JSON is written in ASCII. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** How much room lines take in a report, in bytes. */
export function outputSize(lines: readonly unknown[]): number {
  return asciiJson(lines).length;
}

/** The report without what processes wrote, which is for people only. */
export function withoutOutput(report: Report): Report {
  const { failed, process } = report;
  return {
    ...report,
    ...(failed?.output && { failed: { ...failed, output: undefined } }),
    ...(process?.output && { process: { ...process, output: undefined } }),
  };
}

/** Leaves out what processes wrote where the report has no room for it. */
export function writeReport(report: Report): string {
  const text = asciiJson(report);
  return text.length <= LARGEST_REPORT ? text : asciiJson(withoutOutput(report));
}

/** The header of requests of git that says which instance fetches: its name, URI-encoded. */
export const INSTANCE_HEADER = 'git-sidecar-instance';

/**
 * The header of all requests of a subscriber that holds its key: a secret that it makes when it begins. Who opens a
 * stream with a key is the only one who can report on that stream, replace it, or fetch in its name.
 */
export const KEY_HEADER = 'git-sidecar-key';

/** The header of the request for events that holds the report; in the answer it says why the report is refused. */
export const REPORT_HEADER = 'git-sidecar-report';
