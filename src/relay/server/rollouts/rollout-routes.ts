import { SidecarError } from '../../../model/error.ts';
import { answerJson, answerText, readRequest } from '../../../platform/http-answer.ts';
import type { Answer, Route } from '../../../platform/http-route.ts';
import type { PageDoor } from '../../browser/page-door.ts';
import { isCrossSite, isFromOwnPage } from '../../browser/same-origin.ts';
import { parseRepositoryName } from '../../protocol/repository-name.ts';
import { readOrder } from '../../rollout/orders.ts';
import type { RolloutDesk } from './rollout-desk.ts';

interface RolloutRouteOptions {
  readonly door: Pick<PageDoor, 'admit'>;
  readonly rollouts: RolloutDesk;
}

const LARGEST_ORDER = 8192;

/**
 * `GET /rollouts`: the governed refs that the client may see, each as a {@link GovernedView}, and with several relays
 * that decide as one how they stand, as {@link SharingView}.
 * `POST /rollouts?repo=HOST/PATH&ref=NAME`: an order, as {@link readOrder} has it; for those with `steer`.
 */
export function rolloutRoute({ door, rollouts }: RolloutRouteOptions): Route {
  const answer: Answer = async ({ searchParams }, request, response) => {
    const visitor = door.admit(request, response);
    if (!visitor) return;
    const { principal } = visitor;
    if (request.method === 'GET') {
      response.setHeader('cache-control', 'no-store');
      const all = rollouts.describe((name) => (principal.mayRead(name) ? principal.viewOf(name).shows : undefined));
      const withRights = [...all].map((entry) => ({
        ...entry,
        maySteer: principal.maySteer(entry.repository, entry.ref),
      }));
      answerJson(response, 200, { rollouts: withRights, sharing: rollouts.sharing });
      return;
    }
    const name = parseRepositoryName(searchParams.get('repo') ?? '');
    const ref = searchParams.get('ref') ?? '';
    if (request.method !== 'POST') answerText(response, 405, 'use GET, or POST for an order');
    else if (!name || ref === '')
      answerText(response, 400, '`repo` must be HOST/PATH, and `ref` the full name of a ref');
    else if (isCrossSite(request) || (visitor.bySession && !isFromOwnPage(request)))
      answerText(response, 403, 'a browser may give orders from the page of this relay only');
    else if (!principal.maySteer(name, ref))
      answerText(response, 403, 'orders need a line of the access file with `steer` before it');
    else {
      try {
        const body = await readRequest(request, LARGEST_ORDER);
        answerJson(response, 200, await rollouts.order(name, ref, readOrder(readJson(body))));
      } catch (error) {
        if (!(error instanceof SidecarError)) throw error;
        const { code, detail } = error;
        // Another attempt may reach the relay that decides.
        answerJson(response, error.class === 'retry' ? 503 : 409, { code, detail });
      }
    }
  };
  return { path: '/rollouts', answer };
}

function readJson(body: Buffer | undefined): unknown {
  try {
    return JSON.parse(body?.toString() ?? '') as unknown;
  } catch {
    return undefined;
  }
}
