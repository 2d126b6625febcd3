import { CASE_HINTS } from '../../model/case-hints.ts';
import { asSidecarError, SidecarError } from '../../model/error.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import { hintOnCertificate } from '../../platform/no-answer.ts';
import { redactUrl } from '../../platform/redact.ts';
import { visibleText } from '../../platform/visible-text.ts';
import { readRetryAfter } from '../http-failure.ts';
import { readComplaint } from './complaint.ts';

export interface PartyFacts {
  /** As its users call it: `Microsoft Entra ID`. */
  readonly party: string;
  readonly target: string;
  readonly detail: string;
  readonly hint: string;
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
}

/** A party did not give what it was asked for. Its side is down, slow or refuses; asking it at once again helps nobody. */
export class PartyFailure extends SidecarError {
  constructor({ party, target, detail, hint, cause, retryAfterMs }: PartyFacts) {
    super('ERR_REMOTE_CREDENTIAL_SOURCE', {
      op: `get a credential from ${party} at`,
      target: redactUrl(target),
      detail,
      cause,
      hint,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...hintOnCertificate(cause, CASE_HINTS.credentialCertificate),
    });
  }
}

export interface PartyQuestion {
  readonly party: string;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `application/x-www-form-urlencoded`; without empty values. */
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Default: 200. */
  readonly wanted?: number;
  /** The next command to type when the party does not answer as it should. */
  readonly hint: string;
}

function bodyOf({ form, json }: PartyQuestion): { readonly type?: string; readonly body?: Buffer } {
  if (json !== undefined) return { type: 'application/json', body: Buffer.from(JSON.stringify(json)) };
  if (!form) return {};
  const fields = Object.entries(form).filter(([, value]) => value !== '');
  return { type: 'application/x-www-form-urlencoded', body: Buffer.from(new URLSearchParams(fields).toString()) };
}

/**
 * Asks a party once. Redirects are answers, and no good ones.
 * @returns the body of the answer
 * @throws PartyFailure
 */
export async function askParty(
  question: PartyQuestion,
  http: HttpClient,
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const { party, method, url, hint, wanted = 200 } = question;
  const { type, body } = bodyOf(question);
  const headers = {
    'user-agent': 'git-sidecar',
    accept: 'application/json',
    ...question.headers,
    ...(type && { 'content-type': type }),
  };
  const facts = { party, target: url.replace(/\?.*$/, ''), hint };
  const asked = http.askForText({ method, url: new URL(url), headers, signal, ...(body && { body }) });
  const answer = await asked.catch((cause: unknown) => {
    throw new PartyFailure({ ...facts, detail: asSidecarError(cause, 'ask').detail, cause });
  });
  if (answer.status === wanted) return answer.body;
  const complaint = readComplaint(answer.body);
  const other = wanted === 200 ? '' : `, wanted ${wanted}`;
  const detail = `the answer has status ${answer.status}${other}${complaint === undefined ? '' : `, ${visibleText(complaint)}`}`;
  throw new PartyFailure({ ...facts, detail, retryAfterMs: readRetryAfter(answer.retryAfter, now) });
}

/** The object in a JSON answer. What came instead may hold a secret, so it is not shown. @throws PartyFailure */
export function readObject(text: string, question: PartyQuestion): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // The answer is no JSON.
  }
  throw lacking('a JSON object', question);
}

/** The answer has not what it should have. */
export function lacking(what: string, { party, url, hint }: PartyQuestion): PartyFailure {
  return new PartyFailure({ party, target: url.replace(/\?.*$/, ''), hint, detail: `the answer lacks ${what}` });
}

/** A text in an answer. @throws PartyFailure */
export function textIn(answer: Readonly<Record<string, unknown>>, name: string, question: PartyQuestion): string {
  const value = answer[name];
  if (typeof value !== 'string' || value === '') throw lacking(name, question);
  return value;
}

/** When something ends that lives for `expires_in` seconds, a number or its digits; undefined where nothing says it. */
export function endOf(expiresIn: unknown, now: number): { readonly expiresAt?: number } {
  const seconds = Number(expiresIn ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? { expiresAt: now + seconds * 1000 } : {};
}
