import { answerText } from '../../../platform/http-answer.ts';
import { sendPieces } from '../../../platform/http-pieces.ts';
import type { Answer, Route } from '../../../platform/http-route.ts';
import type { Doorkeeper } from '../access/doorkeeper.ts';
import type { Fleet } from './fleet.ts';
import { type FleetPage, readCursor } from './fleet-document.ts';

interface FleetRouteOptions {
  readonly doorkeeper: Pick<Doorkeeper, 'identify'>;
  readonly fleet: Fleet;
}

const LARGEST_PAGE = 10_000;
const MOST_READERS = 64;
const MOST_READERS_OF_ONE = 32;
const LIMITS = { pieceMs: 10_000, wholeMs: 5 * 60_000 };

/** @returns what is wrong, as a text */
function readPage(query: URLSearchParams): FleetPage | string {
  const [limit, after] = [query.get('limit'), query.get('after')];
  if (limit !== null && !(/^\d{1,5}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= LARGEST_PAGE))
    return `\`limit\` must be a number from 1 to ${LARGEST_PAGE}`;
  const cursor = after === null ? undefined : readCursor(after);
  if (after !== null && !cursor) return '`after` must be what `next` of the page before gave';
  return { ...(limit !== null && { limit: Number(limit) }), ...(cursor && { after: cursor }) };
}

/** `GET /fleet[?limit=N][&after=NEXT]`: which instance follows what, and how far each has come. */
export function fleetRoute({ doorkeeper, fleet }: FleetRouteOptions): Route {
  const readers = new Map<string, number>();
  let all = 0;
  const answer: Answer = async ({ searchParams }, request, response) => {
    const principal = doorkeeper.identify(request, response);
    if (!principal) return;
    const page = readPage(searchParams);
    const own = readers.get(principal.id) ?? 0;
    if (typeof page === 'string') answerText(response, 400, page);
    else if (all >= MOST_READERS || own >= MOST_READERS_OF_ONE) {
      response.setHeader('retry-after', '5');
      answerText(response, 503, 'as many readers as may be are reading this');
    } else {
      all += 1;
      readers.set(principal.id, own + 1);
      try {
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        await sendPieces(response, fleet.document(principal.mayRead, page, principal.viewOf), LIMITS);
      } finally {
        all -= 1;
        const left = (readers.get(principal.id) ?? 1) - 1;
        if (left > 0) readers.set(principal.id, left);
        else readers.delete(principal.id);
      }
    }
  };
  return { path: '/fleet', answer };
}
