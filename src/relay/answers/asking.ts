import { asSidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import { deadline } from '../../platform/deadline.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import { AGENT } from '../../platform/version.ts';
import { visibleText } from '../../platform/visible-text.ts';
import { DeliveryFailure } from './delivery-failure.ts';
import type { Answer, Ask, Question } from './question.ts';
import { jsonOf, judgeAnswer } from './verdict.ts';

/** What a destination shows of itself with each request. */
export type Authorize = (question: Question, signal: AbortSignal) => Promise<Readonly<Record<string, string>>>;

export interface AskingOptions {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly authorize: Authorize;
  /** What to do when it is refused, by status; `other` for the rest. */
  readonly hints: RefusalHints;
  /** See `JudgeOptions`. */
  readonly alwaysResets?: boolean | undefined;
  /** Statuses that may be about this message alone, and do not block others. */
  readonly ofMessage?: readonly number[];
}

export interface RefusalHints {
  readonly 401: string;
  readonly 403: string;
  readonly 404: string;
  readonly other: string;
}

/** Of one request. */
const TIMEOUT_MS = 10_000;
const MOST_COMPLAINT = 300;

/** What the other side says of its refusal, where it says it as these APIs do. */
function complaintOf(body: string): string | undefined {
  const { message, error, errors, errcode, error_description: description } = jsonOf(body);
  const nested = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : undefined;
  const parts = [errcode, message, typeof error === 'string' ? error : nested, description];
  const texts = parts.flatMap((part) =>
    part === undefined ? [] : [typeof part === 'string' ? part : JSON.stringify(part)],
  );
  const listed = Array.isArray(errors)
    ? errors.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
    : [];
  const plain = /^[\w .:,'"()-]{1,100}$/.test(body.trim()) ? [body.trim()] : [];
  const all = [...texts, ...listed];
  const text = (all.length > 0 ? all : plain).join(': ').slice(0, MOST_COMPLAINT);
  return text === '' ? undefined : visibleText(text);
}

function hintFor(status: number, hints: RefusalHints): string {
  if (status < 400 || status === 401) return hints[401];
  if (status === 403) return hints[403];
  return status === 404 || status === 410 ? hints[404] : hints.other;
}

function failureOf(question: Question, answer: Answer, options: AskingOptions): DeliveryFailure | undefined {
  const { clock, hints, alwaysResets, ofMessage = [] } = options;
  const judged = judgeAnswer(answer, { wanted: question.wanted, now: clock.now(), alwaysResets });
  const { waitMs } = judged;
  if (judged.verdict === 'sent' || question.isGood?.(answer)) return undefined;
  const { status, headers, body } = answer;
  const verdict = judged.verdict === 'blocked' && ofMessage.includes(status) ? 'refused' : judged.verdict;
  const complaint = complaintOf(body);
  const elsewhere =
    status >= 300 && status < 400 && headers.has('location') ? ', a redirect, which is not followed' : '';
  return new DeliveryFailure({
    verdict,
    waitMs,
    op: 'write to',
    // The path of a webhook's URL is often its secret.
    target: new URL(question.url).origin,
    detail: `the answer has status ${status}${elsewhere}${complaint === undefined ? '' : `, ${complaint}`}`,
    ...(verdict !== 'again' && { hint: hintFor(status, hints) }),
  });
}

/** Asks with a limit of time for each request. Redirects are answers, and no good ones. */
export function createAsk(options: AskingOptions, signal: AbortSignal): Ask {
  const { http, authorize } = options;
  return async (question) => {
    const credential = await authorize(question, signal);
    const { method, url, headers, body } = question;
    const limit = deadline(signal, TIMEOUT_MS);
    const asked = http.askForText({
      method,
      url: new URL(url),
      headers: { 'user-agent': AGENT, ...headers, ...credential },
      ...(body !== undefined && { body: Buffer.from(body) }),
      signal: limit.signal,
    });
    const answer = await asked
      .catch((cause: unknown) => {
        const late = limit.signal.aborted && !signal.aborted;
        const detail = late ? `no answer within ${TIMEOUT_MS / 1000} s` : asSidecarError(cause, 'ask').detail;
        throw new DeliveryFailure({ verdict: 'again', op: 'write to', target: new URL(url).origin, detail, cause });
      })
      .finally(() => limit.end());
    const failure = failureOf(question, answer, options);
    if (failure) throw failure;
    return answer;
  };
}
