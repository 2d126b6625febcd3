import type { Clock } from '../../platform/clock.ts';
import { sendPieces } from '../../platform/http-pieces.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import { visibleJson } from '../../platform/visible-text.ts';
import type { Principal } from '../server/access/access.ts';
import { describeRelay, describeRepository, type OverviewSources } from './overview.ts';
import type { PageDoor } from './page-door.ts';
import { prepareTips } from './shown-tips.ts';

interface OverviewRouteOptions extends OverviewSources {
  readonly door: PageDoor;
  readonly clock: Clock;
}

const LIMITS = { pieceMs: 10_000, wholeMs: 60_000 };

/** `GET /overview`: an OverviewDocument, what the page shows first. */
export function overviewRoute(options: OverviewRouteOptions): Route {
  const answer: Answer = async (_url, request, response) => {
    const principal = options.door.identify(request, response);
    if (!principal) return;
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    await sendPieces(response, pieces(options, principal), LIMITS);
  };
  return { path: '/overview', answer };
}

async function* pieces(options: OverviewRouteOptions, principal: Principal): AsyncIterable<string> {
  const { repositories, fleet, clock } = options;
  yield `{"relay":${visibleJson(describeRelay(options, principal, clock.now()))},"repositories":[`;
  let separator = '';
  for (const follower of repositories.followers) {
    const { name } = follower.upstream;
    if (!principal.mayRead(name)) continue;
    const view = principal.viewOf(name);
    await prepareTips(follower.refs, view);
    yield `${separator}${visibleJson(describeRepository(follower, fleet, view))}`;
    separator = ',';
  }
  yield ']}\n';
}
