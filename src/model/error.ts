import { type ErrorCode, factsOf } from './error-codes.ts';
import type { ErrorClass, ErrorCodeEntry, ErrorKind } from './error-entry.ts';

export interface ErrorContext {
  /** What was attempted, as a verb phrase: `fetch`, `switch the link`. */
  readonly op: string;
  /** On what: a path, a ref, a URL without userinfo. */
  readonly target?: string;
  /** What went wrong, in one line. */
  readonly detail: string;
  readonly cause?: unknown;
  /** The next command to type, when it can be said more exactly than the code's own hint. */
  readonly hint?: string;
  /** How long the remote asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Its time was up: with more time it might have succeeded. Default: that of the cause. */
  readonly isLate?: boolean;
}

/** The one error type that leaves a module: typed code, what was attempted on what, cause and hint. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError';
  readonly code: ErrorCode;
  readonly op: string;
  readonly target: string | undefined;
  readonly detail: string;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;
  readonly isLate: boolean;

  constructor(code: ErrorCode, context: ErrorContext) {
    const where = context.target === undefined ? context.op : `${context.op} ${context.target}`;
    super(`${where}: ${context.detail}`, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.op = context.op;
    this.target = context.target;
    this.detail = context.detail;
    this.hint = context.hint ?? factsOf(code).hint;
    this.retryAfterMs = context.retryAfterMs;
    this.isLate = context.isLate ?? (context.cause instanceof SidecarError && context.cause.isLate);
  }

  /** The row of the table. */
  get facts(): ErrorCodeEntry {
    return factsOf(this.code);
  }

  get class(): ErrorClass {
    return this.facts.class;
  }

  /** One of these has happened. */
  is(...kinds: readonly ErrorKind[]): boolean {
    const { kind } = this.facts;
    return kind !== undefined && kinds.includes(kind);
  }

  /** The part of the work that the code names, in lower case: `remote` of ERR_REMOTE_AUTH. */
  get stage(): string {
    return /^ERR_([A-Z]+)/.exec(this.code)?.[1]?.toLowerCase() ?? '';
  }
}

/** `error` is ours, and one of these has happened. */
export function isOfKind(error: unknown, ...kinds: readonly ErrorKind[]): error is SidecarError {
  return error instanceof SidecarError && error.is(...kinds);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `EEXIST`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** `error` itself when it is ours, else an ERR_INTERNAL around it: nothing untyped reaches the loop. */
export function asSidecarError(error: unknown, op: string): SidecarError {
  if (error instanceof SidecarError) return error;
  return new SidecarError('ERR_INTERNAL', { op, detail: messageOf(error), cause: error });
}
