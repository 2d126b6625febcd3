import { FairRoom } from '../../platform/fair-room.ts';
import { answerText } from '../../platform/http-answer.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import { answerLater, type OnRefused } from '../server/access/quotas.ts';
import type { Hub } from '../server/streams/hub.ts';
import { openStream } from '../server/streams/open-stream.ts';
import type { LiveFeed } from './live-feed.ts';
import type { PageDoor } from './page-door.ts';

interface LiveRouteOptions {
  readonly door: PageDoor;
  readonly hub: Pick<Hub, 'reserve'>;
  readonly live: LiveFeed;
  readonly onRefused: OnRefused;
}

/** Each of them costs something at each change; one principal has three quarters of them at most. */
const MOST_WATCHERS = 64;

/**
 * `GET /fleet/events`: server-sent events with what changed in what `GET /fleet`, `GET /rollouts` and `GET /overview`
 * show. First `hello`: what is asked for after it is not older than the events that follow. Then `change` with a
 * ChangeDocument, `reset` when everything has to be asked for again, and `end` with a code before the relay closes it.
 */
export function liveRoute({ door, hub, live, onRefused }: LiveRouteOptions): Route {
  const room = new FairRoom(() => MOST_WATCHERS);
  const answer: Answer = async (_url, request, response) => {
    const visitor = door.admit(request, response);
    if (!visitor) return;
    if (request.method !== 'GET') {
      answerText(response, 405, 'use GET');
      return;
    }
    const leave = room.tryEnter(visitor.principal.id);
    // It is one of the relay's streams, so it takes one of their places.
    const place = leave && hub.reserve(visitor.principal.id, response);
    if (!place) {
      leave?.();
      onRefused('streams');
      answerLater(response, 503, 10, 'as many browsers watch this relay as may');
      return;
    }
    place.whenOver(leave);
    const stream = openStream(request, response);
    place.pass(stream);
    live.watch(visitor, stream, place);
  };
  return { path: '/fleet/events', answer };
}
