import type { IncomingMessage, ServerResponse } from 'node:http';
import { SidecarError } from '../../model/error.ts';
import { answerJson, answerText, readRequest } from '../../platform/http-answer.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import { LARGEST_REPORT, REPORT_HEADER, readReport, withoutOutput } from '../protocol/report.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import { readWanted, UNFIT_REFS } from '../protocol/wanted-refs.ts';
import type { Principal } from './access/access.ts';
import type { Doorkeeper } from './access/doorkeeper.ts';
import { answerLater, type OnRefused } from './access/quotas.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Member } from './fleet/member.ts';
import { type StreamKeys, shownKey } from './fleet/stream-keys.ts';
import { describeRefused } from './mirror/refused-document.ts';
import type { Repositories } from './mirror/repositories.ts';
import { SILENT } from './rollouts/governed-repository.ts';
import type { RolloutDesk } from './rollouts/rollout-desk.ts';
import { instanceKey } from './rollouts/rollouts.ts';
import type { Hub, Subscription } from './streams/hub.ts';
import { openStream } from './streams/open-stream.ts';
import { type RefView, refsIn, viewInTurns } from './streams/ref-view.ts';
import { viewOf } from './streams/wanted-view.ts';

export interface RelayRoutesOptions {
  readonly doorkeeper: Doorkeeper;
  readonly repositories: Repositories;
  readonly hub: Hub;
  readonly fleet: Fleet;
  readonly keys: StreamKeys;
  readonly rollouts: RolloutDesk;
  readonly onRefused: OnRefused;
}

/** How long a subscriber that comes from another relay waits for the answer of the git server. */
const PATIENCE_MS = 10_000;

/** `GET /events?repo=HOST/PATH[&ref=NAME…]`: the stream that `events.ts` describes. See `wanted-refs.ts` for patterns. */
export function eventsRoute(options: RelayRoutesOptions): Route {
  const { doorkeeper, hub, onRefused } = options;
  const answer: Answer = async ({ searchParams }, request, response) => {
    const refs = readWanted(searchParams);
    if (request.method !== 'GET') answerText(response, 405, 'use GET');
    else if (!refs) answerText(response, 400, UNFIT_REFS);
    else {
      const name = parseRepositoryName(searchParams.get('repo') ?? '');
      const principal = doorkeeper.identify(request, response);
      if (!principal) return;
      const place = hub.reserve(principal.id, response);
      if (place) await serveStream(options, { name, wanted: viewOf(refs), principal, place }, request, response);
      else {
        onRefused('streams');
        answerLater(response, 503, 10, 'this relay has as many subscribers as it may, and none has to give way to you');
      }
    }
  };
  return { path: '/events', answer };
}

interface Wanted extends Pick<Subscription, 'wanted' | 'principal' | 'place'> {
  readonly name: RepositoryName | undefined;
}

async function serveStream(
  { doorkeeper, repositories, hub, fleet, keys, rollouts, onRefused }: RelayRoutesOptions,
  { name, ...subscription }: Wanted,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const follower = await doorkeeper.admit(name, request, response, 0);
  if (!follower || response.destroyed) return;
  const { wanted, principal } = subscription;
  const { name: repository } = follower.upstream;
  await hub.prepareFor(follower, wanted, principal.viewOf(repository));
  if (response.destroyed) return;
  if (!hub.mayFollow(follower, wanted, principal.viewOf(repository), principal.id)) {
    onRefused('streams');
    answerLater(
      response,
      429,
      2,
      'more patterns over the refs of this repository are followed than this relay can serve',
    );
    return;
  }
  const report = headerText(request, REPORT_HEADER);
  const lastId = headerText(request, 'last-event-id');
  const key = shownKey(request);
  const member =
    report === undefined ? undefined : joinFleet(fleet, principal, repository, { text: report, key }, response);
  if (member) {
    subscription.place.whenOver(() => fleet.leave(member));
    const { instance } = member.report;
    if (key !== undefined) subscription.place.whenOver(keys.open({ repository, owner: principal.id, instance }, key));
  }
  await rollouts.whenDecided(repository);
  if (response.destroyed) return;
  const instance = await takeSeat(rollouts, subscription, repository, member);
  if (response.destroyed) return;
  const stream = openStream(request, response);
  subscription.place.pass(stream);
  // Another relay has sent it a state that we do not know: an older or a newer one.
  const view = (): RefView => rollouts.viewOf(repository, instance, principal.viewOf(repository), wanted.names);
  if (lastId !== undefined && follower.isKnown && lastId !== hub.idOf(follower, wanted, view()))
    await follower.askForMissing(PATIENCE_MS);
  await hub.prepareFor(follower, wanted, view());
  if (stream.destroyed) return;
  hub.subscribe({ ...subscription, follower, lastId, instance, view: view() }, stream);
  // It was let go of meanwhile: this stream would never hear of anything.
  if (repositories.peek(follower.upstream.name) !== follower)
    hub.endAll(follower, new SidecarError('ERR_RELAY_FULL', { op: 'serve a stream', detail: 'it is followed anew' }));
}

/** @returns what rollouts know the subscriber by */
async function takeSeat(
  rollouts: RolloutDesk,
  { principal, wanted, place }: Omit<Wanted, 'name'>,
  name: RepositoryName,
  member: Member | undefined,
): Promise<string> {
  // A relay below follows all refs and publishes none: it is shown what those who never report are shown.
  if (!member || (wanted.names === undefined && !member.report.published)) return SILENT;
  const { id } = principal;
  // Later reports may have another name.
  const report = withoutOutput(member.report);
  const joined = rollouts.join(id, name, report, wanted.names);
  // In the same turn: a connection that ends meanwhile ends the seat too.
  place.whenOver(() => void rollouts.leave(id, name, report));
  await joined;
  return instanceKey(id, report.instance);
}

/** @throws SidecarError ERR_RELAY_REPORT where the access file does not let the client use the name */
function requireName(principal: Principal, repository: RepositoryName, instance: string): void {
  if (principal.namesOf(repository).allows(instance)) return;
  const detail = `the access file does not let this token or certificate be \`${instance}\``;
  throw new SidecarError('ERR_RELAY_REPORT', { op: 'take a report', detail });
}

/** A report that is refused costs the subscriber its line in the overview, not its stream; a header says why. */
function joinFleet(
  fleet: Fleet,
  principal: Principal,
  name: RepositoryName,
  { text, key }: { readonly text: string; readonly key: string | undefined },
  response: ServerResponse,
): Member | undefined {
  try {
    const report = readReport(text);
    requireName(principal, name, report.instance);
    return fleet.join(principal.id, name, report, key);
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    response.setHeader(REPORT_HEADER, `refused: ${error.detail}`);
    return undefined;
  }
}

function headerText({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** `POST /reports`: what a subscriber has published since it opened its stream. */
export function reportsRoute({ doorkeeper, fleet, rollouts }: RelayRoutesOptions): Route {
  const answer: Answer = async (_url, request, response) => {
    const principal = doorkeeper.identify(request, response);
    if (!principal) return;
    const body = request.method === 'POST' ? await readRequest(request, LARGEST_REPORT) : undefined;
    try {
      const report = readReport(body?.toString() ?? '');
      const name = fleet.repositoryOf(principal.id, report.stream);
      if (!fleet.mayReport(principal.id, report.stream, shownKey(request))) {
        answerText(response, 403, 'the client that opened this stream has another key');
        return;
      }
      if (name !== undefined) requireName(principal, name, report.instance);
      const isTaken = name !== undefined && principal.mayRead(name) && fleet.report(principal.id, report);
      if (isTaken) {
        response.writeHead(204).end();
        await rollouts.report(principal.id, name, withoutOutput(report));
      }
      // With several relays behind one name it may have come to the wrong one.
      else answerText(response, 421, 'that stream is not here');
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      answerText(response, 400, `it is no report: ${error.detail}`);
    }
  };
  return { path: '/reports', answer };
}

interface StatusRouteOptions extends Pick<RelayRoutesOptions, 'repositories' | 'hub' | 'rollouts'> {
  readonly doorkeeper: Pick<Doorkeeper, 'identify'>;
}

/** `GET /status`: what is followed and how fresh it is. */
export function statusRoute({ doorkeeper, repositories, hub, rollouts }: StatusRouteOptions): Route {
  const answer: Answer = async (_url, request, response) => {
    const principal = doorkeeper.identify(request, response);
    if (!principal) return;
    const followers = repositories.followers.filter(({ upstream }) => principal.mayRead(upstream.name));
    for (const { refs, upstream } of followers) await viewInTurns(refs, principal.viewOf(upstream.name));
    answerJson(response, 200, {
      subscribers: hub.subscribers,
      ...(rollouts.sharing && { rollouts: rollouts.sharing }),
      repositories: followers.map((follower) => ({
        repository: follower.upstream.name,
        known: follower.isKnown,
        refs: refsIn(follower.refs, principal.viewOf(follower.upstream.name)).size,
        asOf: follower.isKnown ? new Date(follower.asOf).toISOString() : null,
        trouble: follower.trouble?.code ?? null,
        ...(follower.refused.size > 0 && {
          refused: describeRefused(follower.refused, principal.viewOf(follower.upstream.name).shows),
        }),
        requestsSent: follower.requestsSent,
      })),
    });
  };
  return { path: '/status', answer };
}
