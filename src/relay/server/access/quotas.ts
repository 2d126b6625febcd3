import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../platform/clock.ts';
import { FairRate } from '../../../platform/fair-rate.ts';
import { FairRoom } from '../../../platform/fair-room.ts';
import { answerText } from '../../../platform/http-answer.ts';
import type { Answer } from '../../../platform/http-route.ts';
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
 * Each principal gets its share of the requests a second, and of those under way at a time. A fleet with one token is
 * alone, and gets nearly all of it.
 */
export class Quotas {
  readonly #options: QuotaOptions;
  readonly #rate: FairRate;
  readonly #traffic: FairRate;
  readonly #underWay: FairRoom;

  constructor(options: QuotaOptions) {
    const { clock, mostPerSecond, mostBytesPerSecond, mostUnderWay } = options;
    this.#options = options;
    this.#rate = new FairRate(clock, mostPerSecond);
    this.#traffic = new FairRate(clock, mostBytesPerSecond);
    this.#underWay = new FairRoom(mostUnderWay);
  }

  /** `answer`, for requests that are in their principal's share. */
  sharing(answer: Answer): Answer {
    return async (url, request, response) => {
      const owner = await this.#admit(request, response);
      if (owner !== undefined && this.#enter(owner, request, response)) await answer(url, request, response);
    };
  }

  /** The same for event streams, which have places of their own. */
  sharingStreams(answer: Answer): Answer {
    return async (url, request, response) => {
      if ((await this.#admit(request, response)) !== undefined) await answer(url, request, response);
    };
  }

  /** @returns on whose share the request goes; undefined: it is answered, or its client has gone */
  async #admit(request: IncomingMessage, response: ServerResponse): Promise<string | undefined> {
    const { ownerOf, turns, onRefused } = this.#options;
    if (response.destroyed) return undefined;
    const owner = ownerOf(request);
    if (!this.#rate.take(owner)) {
      onRefused('requests');
      answerLater(
        response,
        429,
        1,
        'this relay gets more requests than it may answer, and you sent your share of them',
      );
      return undefined;
    }
    await turns.take(owner);
    return response.destroyed ? undefined : owner;
  }

  /** What is taken here is given back when the response closes, so it has not closed yet. */
  #enter(owner: string, { socket }: IncomingMessage, response: ServerResponse): boolean {
    const { mostBytesPerSecond, onRefused } = this.#options;
    const isMetered = mostBytesPerSecond > 0;
    if (isMetered && this.#traffic.isOver(owner, SAVED_SECONDS * mostBytesPerSecond)) {
      onRefused('bytes');
      answerLater(response, 429, 5, 'you got your share of the bytes a second of this relay');
      return false;
    }
    const leave = this.#underWay.tryEnter(owner);
    if (!leave) {
      onRefused('under-way');
      answerLater(response, 503, 2, 'as many requests of yours are under way as this relay has room for');
      return false;
    }
    const sentBefore = socket.bytesWritten;
    response.once('close', () => {
      leave();
      if (isMetered) this.#traffic.charge(owner, Math.max(0, socket.bytesWritten - sentBefore));
    });
    return true;
  }
}
