import type { IncomingMessage } from 'node:http';
import { SidecarError } from '../model/error.ts';
import type { ErrorCode } from '../model/error-codes.ts';
import { redactUrl } from '../platform/redact.ts';

/** Longest pause that a server may impose on us: a day-long Retry-After is an accident. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** `Retry-After` (RFC 9110, 10.2.3): seconds or a date; in milliseconds from `now`. */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS);
}

function codeFor(status: number): ErrorCode {
  if (status === 401 || status === 403 || status === 407) return 'ERR_REMOTE_AUTH';
  if (status === 404 || status === 410) return 'ERR_REMOTE_NOT_FOUND';
  if (status === 429 || status === 503) return 'ERR_REMOTE_BUSY';
  return status >= 500 ? 'ERR_REMOTE_UNREACHABLE' : 'ERR_REMOTE_PROTOCOL';
}

/** The typed error for an answer that is not 200. */
export function httpFailure(url: URL, answer: IncomingMessage, now: number): SidecarError {
  const retryAfterMs = readRetryAfter(answer.headers['retry-after'], now);
  return new SidecarError(codeFor(answer.statusCode ?? 0), {
    op: 'ask',
    target: redactUrl(`${url.origin}${url.pathname}`),
    detail: `the server answered with status ${answer.statusCode}`,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
