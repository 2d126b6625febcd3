import type { Answer } from './question.ts';

/**
 * What follows from an answer.
 * - `sent`: it was taken.
 * - `again`: the other side has trouble, or asks for time; the same is tried again.
 * - `blocked`: the credential or the address is wrong; the next attempt would end in the same way.
 * - `refused`: this message is wrong, and others may be taken.
 */
export type Verdict = 'sent' | 'again' | 'blocked' | 'refused';

export interface Judgement {
  readonly verdict: Verdict;
  /** What the other side asked for, in milliseconds; it is about everything that goes there. */
  readonly waitMs?: number;
}

/** A day-long pause is an accident. */
const LONGEST_WAIT_MS = 3_600_000;
/** GitHub's advice for its secondary limits, when it names no time. */
const SECONDARY_LIMIT_MS = 60_000;
/** The credential, or the address. */
const BLOCKING = [401, 403, 404, 405, 407, 410];

function bounded(ms: number): number {
  return Math.min(Math.max(0, ms), LONGEST_WAIT_MS);
}

/** Below it a number is no time since the epoch that could be meant: it is the year 2001. */
const LEAST_EPOCH_S = 1_000_000_000;

export interface JudgeOptions {
  /** Statuses of success; undefined: any 2xx. */
  readonly wanted?: readonly number[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The API says with each refusal for a limit when that ends, also while other limits leave requests. */
  readonly alwaysResets?: boolean | undefined;
}

/** `Retry-After` (RFC 9110, 10.2.3) or what else the APIs have: in milliseconds from `now`. */
function askedWait({ headers, body }: Answer, { now, alwaysResets = false }: JudgeOptions): number | undefined {
  const after = headers.get('retry-after')?.trim();
  if (after !== undefined) {
    const ms = /^\d+(?:\.\d+)?$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now;
    if (!Number.isNaN(ms)) return bounded(ms);
  }
  const fields = jsonOf(body);
  // Discord: seconds, with a fraction. Matrix: milliseconds.
  if (typeof fields.retry_after === 'number') return bounded(fields.retry_after * 1000);
  if (typeof fields.retry_after_ms === 'number') return bounded(fields.retry_after_ms);
  const left = headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining');
  const reset = Number(headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset') ?? Number.NaN);
  if (!Number.isFinite(reset) || (left !== '0' && !alwaysResets)) return undefined;
  // GitHub, GitLab, Azure DevOps: seconds since the epoch. Proxies that follow the drafts of the IETF: from now.
  return bounded(reset >= LEAST_EPOCH_S ? reset * 1000 - now : reset * 1000);
}

export function jsonOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** GitHub answers 403 when there were too many requests, too. */
function isAboutRate({ status, headers, body }: Answer): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  return (
    headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0' || /secondary rate limit/i.test(body)
  );
}

export function judgeAnswer(answer: Answer, options: JudgeOptions): Judgement {
  const { status } = answer;
  const { wanted } = options;
  if (wanted ? wanted.includes(status) : status >= 200 && status < 300) return { verdict: 'sent' };
  if (isAboutRate(answer)) return { verdict: 'again', waitMs: askedWait(answer, options) ?? SECONDARY_LIMIT_MS };
  if (status >= 500 || status === 408 || status === 425) {
    const waitMs = askedWait(answer, options);
    return { verdict: 'again', ...(waitMs !== undefined && { waitMs }) };
  }
  // A redirect, or a login page in the place of the answer: the address is wrong, or the credential was not taken.
  if (status < 400 || BLOCKING.includes(status)) return { verdict: 'blocked' };
  return { verdict: 'refused' };
}
