import { type Oid, parseOid } from '../../model/oid.ts';
import { FairRoom } from '../../platform/fair-room.ts';
import { answerJson, answerText } from '../../platform/http-answer.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import { eachInTurns } from '../../platform/in-turns.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import type { Follower } from '../server/mirror/follower.ts';
import type { RolloutDesk } from '../server/rollouts/rollout-desk.ts';
import { type RefView, viewInTurns } from '../server/streams/ref-view.ts';
import { CommitFacts } from './commit-facts.ts';
import type { PageDoor } from './page-door.ts';

interface CommitsRouteOptions {
  readonly door: PageDoor;
  readonly repositories: { readonly peek: (name: RepositoryName) => Follower | undefined };
  readonly rollouts: Pick<RolloutDesk, 'kept' | 'describe'>;
}

const MOST_ASKED = 60;
/** Questions for which git may run; the others wait for their turn. */
const MOST_AT_ONCE = 2;

/**
 * `GET /commits?repo=HOST/PATH&oid=OID…`: `{"commits": {OID: CommitDocument}}`, for the tips of refs that the client may
 * see and the commits that rollouts of these refs are about. Of others nothing is said, whether they are here or not.
 */
export function commitsRoute({ door, repositories, rollouts }: CommitsRouteOptions): Route {
  const facts = new CommitFacts();
  const room = new FairRoom(() => MOST_AT_ONCE);
  const answer: Answer = async ({ searchParams }, request, response) => {
    const principal = door.identify(request, response);
    if (!principal) return;
    const name = parseRepositoryName(searchParams.get('repo') ?? '');
    const asked = searchParams.getAll('oid').map(parseOid);
    const oids = asked.filter((oid): oid is Oid => oid !== undefined);
    const follower = name && principal.mayRead(name) ? repositories.peek(name) : undefined;
    if (oids.length !== asked.length || oids.length === 0 || oids.length > MOST_ASKED)
      answerText(response, 400, `\`oid\` must be an object id, and there may be 1 to ${MOST_ASKED} of them`);
    else if (!name || !follower) answerText(response, 404, 'there is no such repository here, or it is not for you');
    else {
      const view = principal.viewOf(name);
      const shown = new Set([...(await tipsAmong(oids, follower, view)), ...rolledOut(rollouts, name, view)]);
      const wanted = [...new Set(oids)].filter((oid) => shown.has(oid));
      if (response.destroyed) return;
      const closed = new AbortController();
      response.once('close', () => closed.abort());
      const leave = await room.enter(principal.id, name, closed.signal);
      if (!leave) return;
      try {
        answerJson(response, 200, { commits: await facts.read(follower, wanted) });
      } finally {
        leave();
      }
    }
  };
  return { path: '/commits', answer };
}

/** Which of `oids` are tips of refs that may be seen. */
async function tipsAmong(oids: readonly Oid[], { refs }: Follower, view: RefView): Promise<Oid[]> {
  const asked = new Set(oids);
  const tips: Oid[] = [];
  await eachInTurns((await viewInTurns(refs, view)).values(), ({ oid, peeledOid }) => {
    const tip = peeledOid ?? oid;
    if (asked.has(tip)) tips.push(tip);
  });
  return tips;
}

/** What the rollouts of refs that may be seen are about, or were. */
function* rolledOut(
  rollouts: Pick<RolloutDesk, 'kept' | 'describe'>,
  name: RepositoryName,
  view: RefView,
): Iterable<Oid> {
  for (const [ref, oids] of rollouts.kept(name)) if (view.shows(ref)) yield* oids;
  for (const { refused, journal } of rollouts.describe((each) => (each === name ? view.shows : undefined))) {
    yield* refused;
    for (const { oid } of journal) if (oid !== undefined) yield oid;
  }
}
