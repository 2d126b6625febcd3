import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../model/error.ts';
import type { Hint } from '../../model/hint.ts';
import type { Clock } from '../../platform/clock.ts';
import { answerJson as answer, bearerToken, type Route, readRequest } from '../../platform/http-answer.ts';
import type { Logger } from '../../platform/log.ts';
import { RateLimit } from '../../platform/rate-limit.ts';
import { authenticate, isSameSecret } from './authenticate.ts';
import { type Followed, hintsFor } from './match.ts';
import { readPayload } from './payload.ts';

export interface InboundOptions {
  /** What a notification may be about. */
  readonly followed: () => readonly Followed[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the next cycle start now; of those that are followed, what `about` names. */
  readonly wake: (reason: 'push' | 'trigger', hint: Hint, about?: Followed) => void;
  /** Makes the next cycle start now and waits for its end; when the hint names a commit, until it came true. */
  readonly syncNow: (timeoutMs: number, hint: Hint) => Promise<{ readonly status: 'synced' | 'failed' | 'timeout' }>;
}

/** More than any push notification; a larger one is refused and costs a period. */
const LARGEST_BODY = 5 * 1024 * 1024;
const MOST_AT_ONCE = 30;
const MOST_A_SECOND = 10;
const LONGEST_WAIT_MS = 300_000;

/** Read at each request, so that a secret can be changed without a restart. */
async function readSecret(path: string, log: Logger): Promise<string | undefined> {
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    return secret === '' ? undefined : secret;
  } catch (error) {
    log.warn('the secret cannot be read', { path, reason: messageOf(error) });
    return undefined;
  }
}

/** JSON, or GitHub's form with the JSON in `payload`. */
function parseBody(body: Buffer, type: string | undefined): unknown {
  const text = body.toString();
  const isForm = type?.startsWith('application/x-www-form-urlencoded');
  return JSON.parse((isForm ? new URLSearchParams(text).get('payload') : text) || '{}');
}

/** Refuses other methods, and too many requests. */
function createGate(clock: Clock): (request: IncomingMessage, response: ServerResponse) => boolean {
  const limit = new RateLimit(clock, MOST_AT_ONCE, MOST_A_SECOND);
  return (request, response) => {
    if (request.method !== 'POST') answer(response, 405, { status: 'refused', error: 'use POST' });
    else if (!limit.take()) answer(response, 429, { status: 'refused', error: 'too many requests' });
    else return true;
    return false;
  };
}

/**
 * `POST /push`: notifications of git hosts. They only make us ask the remote sooner, so a replayed or repeated one does
 * no harm. Answered at once.
 */
export function pushRoute(secretFile: string, { followed, clock, log, wake }: InboundOptions): Route {
  const mayPass = createGate(clock);
  return async ({ pathname }, request, response) => {
    if (pathname !== '/push') return false;
    if (!mayPass(request, response)) return true;
    const body = await readRequest(request, LARGEST_BODY);
    if (!body) {
      response.setHeader('connection', 'close');
      answer(response, 413, { status: 'refused', error: 'the body is too large' });
      return true;
    }
    const secret = await readSecret(secretFile, log);
    const sender = secret === undefined ? undefined : authenticate(request.headers, body, secret);
    if (!sender || sender.kind === 'refused') {
      log.info(1, 'refused a push notification', { reason: secret === undefined ? 'no secret' : 'wrong secret' });
      answer(response, 401, { status: 'refused', error: 'the signature or token is wrong or missing' });
      return true;
    }
    if (sender.kind === 'other') {
      answer(response, 200, { status: 'ignored', reason: 'not a push' });
      return true;
    }
    try {
      const notice = readPayload(sender.provider, parseBody(body, request.headers['content-type']));
      let isOurs = false;
      for (const each of followed()) {
        const hints = hintsFor(notice, each);
        isOurs ||= hints !== undefined;
        for (const hint of hints ?? []) wake('push', hint, each);
      }
      log.info(isOurs ? 1 : 2, 'a push notification', {
        provider: notice.provider,
        refs: notice.moves.map(({ ref }) => ref).join(' '),
        ours: isOurs,
      });
      answer(
        response,
        isOurs ? 202 : 200,
        isOurs ? { status: 'accepted' } : { status: 'ignored', reason: 'another repository or ref' },
      );
    } catch {
      answer(response, 400, { status: 'refused', error: 'the body is not JSON' });
    }
    return true;
  };
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
 * answers when it is published.
 */
export function triggerRoute(tokenFile: string, { clock, log, wake, syncNow }: InboundOptions): Route {
  const mayPass = createGate(clock);
  return async ({ pathname, searchParams }, request, response) => {
    if (pathname !== '/sync') return false;
    if (!mayPass(request, response)) return true;
    const token = await readSecret(tokenFile, log);
    if (token === undefined || !isSameSecret(bearerToken(request), token)) {
      response.setHeader('www-authenticate', 'Bearer');
      answer(response, 401, { status: 'refused', error: 'the token is wrong or missing' });
      return true;
    }
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
    return true;
  };
}
