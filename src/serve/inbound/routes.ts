import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Hint } from '../../model/hint.ts';
import { addressOf } from '../../platform/client-address.ts';
import type { Clock } from '../../platform/clock.ts';
import { answerJson as answer, bearerToken } from '../../platform/http-answer.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import type { Logger } from '../../platform/log.ts';
import { RateLimit } from '../../platform/rate-limit.ts';
import { readTraceparent } from '../../platform/trace/span.ts';
import { isGenuine, isSameSecret, senderOf } from './authenticate.ts';
import { Bodies, type Unread } from './bodies.ts';
import { type Followed, hintsFor } from './match.ts';
import { type Provider, readPayload } from './payload.ts';
import { answerUnread, refuseBody } from './refuse.ts';
import { SecretFile } from './secret-file.ts';
import { Strangers } from './strangers.ts';

export interface InboundOptions {
  /** What a notification may be about. */
  readonly followed: () => readonly Followed[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the next cycle start now; of those that are followed, what `about` names. */
  readonly wake: (reason: 'push' | 'trigger', hint: Hint, about?: Followed) => void;
  /** Makes the next cycle start now and waits for its end; when the hint names a commit, until it came true. */
  readonly syncNow: (timeoutMs: number, hint: Hint) => Promise<{ readonly status: 'synced' | 'failed' | 'timeout' }>;
  /** The same for one unit of a document, by its name. Undefined where units have no names. */
  readonly unit?: (name: string) => Triggered | undefined;
}

/** What a trigger starts. */
export type Triggered = Pick<InboundOptions, 'wake' | 'syncNow'>;

const MOST_AT_ONCE = 30;
const MOST_A_SECOND = 10;
const LONGEST_WAIT_MS = 300_000;

const TOO_MANY = { status: 'refused', error: 'too many requests' };
const NO_PUSH = { status: 'ignored', reason: 'not a push' };
const WRONG = 'the signature or token is wrong or missing';

const MIB = 2 ** 20;
/** More than any push notification; a larger one is refused and costs a period. GitHub waits ten seconds for an answer. */
const ONE_BODY = { most: 5 * MIB, ms: 10_000 };
/** Those whose signature can be checked only when all of it is there. */
const SIGNED = { ...ONE_BODY, mostOfAddress: 8 * MIB, mostInAll: 16 * MIB, countOfAddress: 256, count: 512 };
/** Those that have shown the secret already. */
const GENUINE = { ...ONE_BODY, mostOfAddress: 16 * MIB, mostInAll: 16 * MIB, countOfAddress: 64, count: 64 };

/** JSON, or GitHub's form with the JSON in `payload`. */
function parseBody(body: Buffer, type: string | undefined): unknown {
  const text = body.toString();
  const isForm = type?.startsWith('application/x-www-form-urlencoded');
  return JSON.parse((isForm ? new URLSearchParams(text).get('payload') : text) || '{}');
}

/** What cannot be a notification, so its content is not read. */
const FOREIGN_TYPE =
  /^(?!\s*(?:application\/(?:[\w.-]+\+)?json|text\/(?:json|plain)|application\/x-www-form-urlencoded)\s*(?:;|$))/i;

/** Why a request is refused for its method, its type or its encoding; undefined for one that may be a notification. */
function oddity({ method, headers }: IncomingMessage): readonly [number, string] | undefined {
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = headers;
  if (method !== 'POST') return [405, 'use POST'];
  if (type !== undefined && FOREIGN_TYPE.test(type)) return [415, 'the body must be JSON or a form'];
  return encoding === 'identity' ? undefined : [415, 'the body must not be compressed'];
}

/**
 * `POST /push`: notifications of git hosts. They only make us ask the remote sooner, so a replayed or repeated one does
 * no harm. Answered at once. What the headers already rule out is answered without reading the body.
 */
export function pushRoute(secretFile: string, { followed, clock, log, wake }: InboundOptions): Route {
  const file = new SecretFile(secretFile, log);
  const limit = new RateLimit(clock, MOST_AT_ONCE, MOST_A_SECOND);
  const strangers = new Strangers(clock);
  const [signed, genuine] = [new Bodies(clock, SIGNED), new Bodies(clock, GENUINE)];

  const refuse = (request: IncomingMessage, response: ServerResponse, status: number, error: string): void => {
    if (!strangers.note(addressOf(request))) answerUnread(request, response, 429, TOO_MANY);
    else {
      log.info(1, 'refused a push notification', { reason: error });
      answerUnread(request, response, status, { status: 'refused', error });
    }
  };

  const giveUp = (request: IncomingMessage, response: ServerResponse, why: Unread): void => {
    if (why !== 'gone' && strangers.note(addressOf(request)))
      log.info(1, 'refused a push notification', { reason: `its body: ${why}` });
    refuseBody(response, why);
  };

  const accept = (
    request: IncomingMessage,
    response: ServerResponse,
    { provider, body, arrivedAt }: { readonly provider: Provider; readonly body: Buffer; readonly arrivedAt: number },
  ): void => {
    let document: unknown;
    try {
      document = parseBody(body, request.headers['content-type']);
    } catch {
      answer(response, 400, { status: 'refused', error: 'the body is not JSON' });
      return;
    }
    const notice = readPayload(provider, document);
    const { traceparent } = request.headers;
    const sender = readTraceparent(typeof traceparent === 'string' ? traceparent : undefined);
    let isOurs = false;
    for (const each of followed()) {
      const hints = hintsFor(notice, each);
      isOurs ||= hints !== undefined;
      for (const hint of hints ?? []) wake('push', { ...hint, arrivedAt, sender }, each);
    }
    const refs = notice.moves.map(({ ref }) => ref).join(' ');
    log.info(isOurs ? 1 : 2, 'a push notification', { provider: notice.provider, refs, ours: isOurs });
    if (isOurs) answer(response, 202, { status: 'accepted' });
    else answer(response, 200, { status: 'ignored', reason: 'another repository or ref' });
  };

  const receive: Answer = async (_url, request, response) => {
    const arrivedAt = clock.now();
    const odd = oddity(request);
    const secret = odd ? undefined : await file.read();
    const sender = senderOf(request.headers);
    const isKnown =
      sender !== undefined && secret !== undefined && sender.proof.kind === 'secret' && isGenuine(sender, secret);
    if (odd) refuse(request, response, ...odd);
    else if (secret === undefined) refuse(request, response, 401, 'there is no secret here');
    else if (!sender || (sender.proof.kind === 'secret' && !isKnown)) refuse(request, response, 401, WRONG);
    else if (!sender.isPush && !sender.isTest) answerUnread(request, response, 200, NO_PUSH);
    else {
      const body = await (isKnown ? genuine : signed).read(request, addressOf(request));
      if (typeof body === 'string') giveUp(request, response, body);
      else if (!isKnown && !isGenuine(sender, secret, body)) refuse(request, response, 401, WRONG);
      else if (!limit.take()) answer(response, 429, TOO_MANY);
      else if (sender.isPush) accept(request, response, { provider: sender.provider, body, arrivedAt });
      else answer(response, 200, NO_PUSH);
    }
  };
  return { path: '/push', answer: receive };
}

/** `30s`, `500ms`, or seconds as a number; undefined when it is neither. */
function parseWait(text: string | null): number | undefined {
  if (text === null) return 0;
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!found) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000 }[found[2] ?? 's'] ?? 1000;
  return Math.min(Number(found[1]) * unit, LONGEST_WAIT_MS);
}

/**
 * `POST /sync`: for people and CI, with a bearer token (RFC 6750). `?commit=OID` says what has to come, and `?wait=30s`
 * answers when it is published. `/sync/NAME` is about one unit of a document.
 */
export function triggerRoutes(tokenFile: string, { clock, log, unit, ...all }: InboundOptions): Route[] {
  const trigger = async (
    { wake, syncNow }: Triggered,
    searchParams: URLSearchParams,
    response: ServerResponse,
  ): Promise<void> => {
    const waitMs = parseWait(searchParams.get('wait'));
    const commit = searchParams.get('commit')?.toLowerCase();
    const hint: Hint = { to: commit };
    if (commit !== undefined && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit))
      answer(response, 400, { status: 'refused', error: '`commit` must be a whole object id' });
    else if (waitMs === undefined)
      answer(response, 400, { status: 'refused', error: '`wait` must look like 30s or 500ms' });
    else if (waitMs === 0) {
      wake('trigger', hint);
      answer(response, 202, { status: 'accepted' });
    } else {
      const result = await syncNow(waitMs, hint);
      answer(response, { synced: 200, failed: 502, timeout: 504 }[result.status], result);
    }
  };
  const file = new SecretFile(tokenFile, log);
  const limit = new RateLimit(clock, MOST_AT_ONCE, MOST_A_SECOND);
  const strangers = new Strangers(clock);
  const receive: Answer = async ({ pathname, searchParams }, request, response) => {
    const [, , name] = pathname.split('/');
    const token = await file.read();
    const isKnown = token !== undefined && isSameSecret(bearerToken(request), token);
    if (!isKnown && !strangers.note(addressOf(request))) answerUnread(request, response, 429, TOO_MANY);
    else if (request.method !== 'POST') answerUnread(request, response, 405, { status: 'refused', error: 'use POST' });
    else if (!isKnown) {
      response.setHeader('www-authenticate', 'Bearer');
      answerUnread(request, response, 401, { status: 'refused', error: 'the token is wrong or missing' });
    } else if (!limit.take()) answerUnread(request, response, 429, TOO_MANY);
    else {
      const triggered = name === undefined ? all : unit?.(name);
      if (triggered) await trigger(triggered, searchParams, response);
      else answer(response, 404, { status: 'refused', error: 'there is no unit of this name that syncs' });
    }
  };
  const routes = [{ path: '/sync', answer: receive }];
  return unit ? [...routes, { path: '/sync/*', answer: receive }] : routes;
}
