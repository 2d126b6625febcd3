import { createHash, randomBytes } from 'node:crypto';

/** Which span of which trace, in the form that W3C Trace Context has for it: 32 and 16 hexadecimal digits. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** A piece of work of a trace. Times are milliseconds since the epoch. */
export interface Span extends TraceContext {
  readonly name: string;
  /** The span that this one is a part of; undefined: it is the first of this process. */
  readonly parentId?: string | undefined;
  /** Spans of other traces that led to this one. */
  readonly links?: readonly TraceContext[] | undefined;
  readonly from: number;
  readonly to: number;
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Why it failed. */
  readonly error?: string | undefined;
}

export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The trace of a commit on its way: the same in every process, so a relay, its sidecars and what they start appear in
 * one trace without having to pass an id on.
 */
export function traceIdOf(oid: string): string {
  return createHash('sha256').update(`git-sidecar trace\n${oid}`).digest('hex').slice(0, 32);
}

/** A `traceparent`, version 00, sampled (https://www.w3.org/TR/trace-context/#traceparent-header). */
export function traceparent({ traceId, spanId }: TraceContext): string {
  return `00-${traceId}-${spanId}-01`;
}

/** Version, trace, span, flags; later versions may have more behind a dash. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** The span that a `traceparent` names; undefined when it does not follow the specification. */
export function readTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, more] = TRACEPARENT.exec(text?.trim() ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId };
}
