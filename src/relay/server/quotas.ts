import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../platform/clock.ts';
import { FairRate } from '../../platform/fair-rate.ts';
import { answerText, type Route } from '../../platform/http-answer.ts';

/** What a principal can have too much of. */
export type Refused = 'requests' | 'under-way' | 'streams' | 'repositories';

/** Told of each refusal. */
export type OnRefused = (what: Refused) => void;

export interface QuotaOptions {
  readonly clock: Clock;
  /** On whose share a request goes. */
  readonly ownerOf: (request: IncomingMessage) => string;
  readonly mostPerSecond: number;
  /** Requests that may be under way now, those that are included. */
  readonly mostUnderWay: () => number;
  readonly onRefused: OnRefused;
}

/** See `FairRate`: whoever has requests under way leaves a quarter of the places free. */
const GREED = 3;

export function answerLater(response: ServerResponse, status: 429 | 503, seconds: number, text: string): void {
  response.setHeader('retry-after', String(seconds));
  answerText(response, status, text);
}

/**
 * Comes before the others: each principal gets its share of the requests a second, and of those under way at a time.
 * A fleet with one token is alone, and gets nearly all of it. Event streams have places of their own.
 */
export function quotaRoute({ clock, ownerOf, mostPerSecond, mostUnderWay, onRefused }: QuotaOptions): Route {
  const rate = new FairRate(clock, mostPerSecond);
  const underWay = new Map<string, number>();
  let all = 0;
  return async ({ pathname }, request, response) => {
    const owner = ownerOf(request);
    if (!rate.take(owner)) {
      onRefused('requests');
      answerLater(
        response,
        429,
        1,
        'this relay gets more requests than it may answer, and you sent your share of them',
      );
      return true;
    }
    if (pathname === '/events') return false;
    const own = underWay.get(owner) ?? 0;
    if (own + 1 > GREED * (mostUnderWay() - all)) {
      onRefused('under-way');
      answerLater(response, 503, 2, 'as many requests of yours are under way as this relay has room for');
      return true;
    }
    all += 1;
    underWay.set(owner, own + 1);
    response.once('close', () => {
      all -= 1;
      const left = (underWay.get(owner) ?? 1) - 1;
      if (left > 0) underWay.set(owner, left);
      else underWay.delete(owner);
    });
    return false;
  };
}
