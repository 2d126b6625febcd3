import type { IncomingMessage } from 'node:http';
import { CASE_HINTS, type ErrorCase } from '../model/case-hints.ts';
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

/**
 * What web servers say of TLS with status 400, in the page for a browser: nginx and Apache of a certificate of the
 * client, these and Go of a request without TLS.
 */
const REASONS: readonly { readonly pattern: RegExp; readonly case: ErrorCase }[] = [
  { pattern: /No required SSL certificate was sent|The SSL certificate error/, case: 'clientCertificateAnswer' },
  {
    pattern:
      /The plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server port|Client sent an HTTP request to an HTTPS server/,
    case: 'plainToTls',
  },
];

/** @param page the answer to a bad request @returns what it says of TLS, and the case; undefined: nothing */
function reasonIn(page: string): { readonly text: string; readonly case: ErrorCase } | undefined {
  for (const { pattern, case: kind } of REASONS) {
    const [text] = pattern.exec(page) ?? [];
    if (text !== undefined) return { text, case: kind };
  }
  return undefined;
}

interface Verdict {
  readonly code: ErrorCode;
  readonly case?: ErrorCase;
}

function verdictOn(status: number, sentCredential: boolean): Verdict {
  if (status === 401) return { code: 'ERR_REMOTE_AUTH', ...(sentCredential && { case: 'refused' }) };
  if (status === 403) return { code: 'ERR_REMOTE_AUTH', case: 'forbidden' };
  if (status === 407) return { code: 'ERR_REMOTE_AUTH', case: 'proxyRefused' };
  if (status === 404 || status === 410) return { code: 'ERR_REMOTE_NOT_FOUND' };
  if (status === 429 || status === 503) return { code: 'ERR_REMOTE_BUSY' };
  if (status >= 500) return { code: 'ERR_REMOTE_UNREACHABLE', case: 'serverFailed' };
  return { code: 'ERR_REMOTE_PROTOCOL', ...(status >= 300 && status < 400 && { case: 'webPage' }) };
}

export interface FailedQuestion {
  readonly now: number;
  /** The question carried a user name and password. */
  readonly sentCredential?: boolean;
  /** The beginning of the answer, where it was read. */
  readonly page?: string;
}

/** The typed error for an answer that is not 200. */
export function httpFailure(
  url: URL,
  answer: IncomingMessage,
  { now, sentCredential = false, page = '' }: FailedQuestion,
): SidecarError {
  const retryAfterMs = readRetryAfter(answer.headers['retry-after'], now);
  const { code, case: general } = verdictOn(answer.statusCode ?? 0, sentCredential);
  const reason = reasonIn(page);
  const kind = reason?.case ?? general;
  const { location } = answer.headers;
  const elsewhere = kind === 'webPage' && location !== undefined ? `, a redirect to ${redactUrl(location)}` : '';
  return new SidecarError(code, {
    op: 'ask',
    target: redactUrl(`${url.origin}${url.pathname}`),
    detail: `the server answered with status ${answer.statusCode}${reason ? `: ${reason.text}` : elsewhere}`,
    ...(kind && { hint: CASE_HINTS[kind].hint }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** True for what browsers are given: a login page, or the page of a proxy. */
export function isWebPage({ headers }: IncomingMessage): boolean {
  return /^(?:text\/html|application\/xhtml)/i.test(headers['content-type'] ?? '');
}

/**
 * The typed error for a web page in the place of git's answer.
 * @param how it showed: the server answers with one, or redirects to one
 */
export function webPageInstead(url: string, how: string, cause?: unknown): SidecarError {
  return new SidecarError(CASE_HINTS.webPage.code, {
    op: 'ask',
    target: redactUrl(url),
    detail: `${how}, perhaps a login page, instead of answering as a repository`,
    hint: CASE_HINTS.webPage.hint,
    cause,
  });
}
