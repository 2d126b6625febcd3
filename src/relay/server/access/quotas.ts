import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../platform/clock.ts';
import { FairRate } from '../../../platform/fair-rate.ts';
import { FairRoom } from '../../../platform/fair-room.ts';
import { answerText, type Route } from '../../../platform/http-answer.ts';
import type { RequestTurns } from './request-turns.ts';

/** What a principal can have too much of. */
export type Refused = 'requests' | 'under-way' | 'bytes' | 'streams' | 'repositories' | 'answers';

/** Called for each refusal. */
export type OnRefused = (what: Refused) => void;

export interface QuotaOptions {
  readonly clock: Clock;
  /** On whose share a request goes. */
  readonly ownerOf: (request: IncomingMessage) => string;
  readonly mostPerSecond: number;
  /** Bytes a second of all answers; 0: no limit. */
  readonly mostBytesPerSecond: number;
  /** Requests that may be under way now, those that are included. */
  readonly mostUnderWay: () => number;
  readonly turns: RequestTurns;
  readonly onRefused: OnRefused;
}

/** So many seconds of traffic may come at once after a pause. */
const SAVED_SECONDS = 10;

export function answerLater(response: ServerResponse, status: 429 | 503, seconds: number, text: string): void {
  response.setHeader('retry-after', String(seconds));
  answerText(response, status, text);
}

/**
 * Comes before the others: each principal gets its share of the requests a second, and of those under way at a time.
 * A fleet with one token is alone, and gets nearly all of it. Event streams have places of their own.
 */
export function quotaRoute(options: QuotaOptions): Route {
  const { clock, ownerOf, mostPerSecond, mostBytesPerSecond, mostUnderWay, turns, onRefused } = options;
  const rate = new FairRate(clock, mostPerSecond);
  const traffic = new FairRate(clock, mostBytesPerSecond);
  const underWay = new FairRoom(mostUnderWay);
  return async ({ pathname }, request, response) => {
    // What is taken below is given back when the response closes.
    if (response.destroyed) return true;
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
    await turns.take(owner);
    if (response.destroyed) return true;
    if (pathname === '/events' || pathname === '/fleet/events') return false;
    if (mostBytesPerSecond > 0 && traffic.isOver(owner, SAVED_SECONDS * mostBytesPerSecond)) {
      onRefused('bytes');
      answerLater(response, 429, 5, 'you got your share of the bytes a second of this relay');
      return true;
    }
    const leave = underWay.tryEnter(owner);
    if (!leave) {
      onRefused('under-way');
      answerLater(response, 503, 2, 'as many requests of yours are under way as this relay has room for');
      return true;
    }
    const { socket } = request;
    const sentBefore = socket.bytesWritten;
    response.once('close', () => {
      leave();
      if (mostBytesPerSecond > 0) traffic.charge(owner, Math.max(0, socket.bytesWritten - sentBefore));
    });
    return false;
  };
}
