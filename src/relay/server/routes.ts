import type { IncomingMessage, ServerResponse } from 'node:http';
import { SidecarError } from '../../model/error.ts';
import { answerJson, answerText, type Route, readRequest } from '../../platform/http-answer.ts';
import { LARGEST_REPORT, REPORT_HEADER, readReport } from '../protocol/report.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import type { Fleet } from './fleet.ts';
import type { Hub, Subscription } from './hub.ts';
import { answerLater, type OnRefused } from './quotas.ts';
import { refsIn } from './ref-view.ts';
import type { Repositories } from './repositories.ts';

export interface RelayRoutesOptions {
  readonly doorkeeper: Doorkeeper;
  readonly repositories: Repositories;
  readonly hub: Hub;
  readonly fleet: Fleet;
  readonly onRefused: OnRefused;
}

const MOST_REFS = 64;
/** How long a subscriber that comes from another relay waits for the answer of the git server. */
const PATIENCE_MS = 10_000;
const REF = /^(?:HEAD|[^\p{Cc}\s~^:?*[\\]{1,500})$/u;

/** `GET /events?repo=HOST/PATH[&ref=NAME…]`: the stream that `events.ts` describes. */
export function eventsRoute(options: RelayRoutesOptions): Route {
  const { doorkeeper, hub, onRefused } = options;
  return async ({ pathname, searchParams }, request, response) => {
    if (pathname !== '/events') return false;
    const names = searchParams.getAll('ref');
    if (request.method !== 'GET') answerText(response, 405, 'use GET');
    else if (names.length > MOST_REFS || !names.every((name) => REF.test(name)))
      answerText(response, 400, `up to ${MOST_REFS} names of refs`);
    else {
      const name = parseRepositoryName(searchParams.get('repo') ?? '');
      const principal = doorkeeper.identify(request, response);
      if (!principal) return true;
      const place = hub.reserve(principal.id, response);
      if (place) await serveStream(options, { name, names, principal, place }, request, response);
      else {
        onRefused('streams');
        answerLater(response, 503, 10, 'this relay has as many subscribers as it may, and none has to give way to you');
      }
    }
    return true;
  };
}

interface Wanted extends Pick<Subscription, 'names' | 'principal' | 'place'> {
  readonly name: RepositoryName | undefined;
}

async function serveStream(
  { doorkeeper, repositories, hub, fleet }: RelayRoutesOptions,
  { name, ...wanted }: Wanted,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const follower = await doorkeeper.admit(name, request, response, 0);
  if (!follower || response.destroyed) return;
  const report = headerText(request, REPORT_HEADER);
  if (report !== undefined) joinFleet(fleet, wanted.principal.id, follower.upstream.name, report, response);
  openStream(request, response);
  const lastId = headerText(request, 'last-event-id');
  // Another relay has sent it a state that we do not know: an older or a newer one.
  if (
    lastId !== undefined &&
    follower.isKnown &&
    lastId !== hub.idOf(follower, wanted.names, wanted.principal.viewOf(follower.upstream.name))
  )
    await follower.askForMissing(PATIENCE_MS);
  if (response.destroyed) return;
  hub.subscribe({ ...wanted, follower, lastId }, response);
  // It was let go of meanwhile: this stream would never hear of anything.
  if (repositories.peek(follower.upstream.name) !== follower)
    hub.endAll(follower, new SidecarError('ERR_RELAY_FULL', { op: 'serve a stream', detail: 'it is followed anew' }));
}

/** A report that is refused costs the subscriber its line in the overview, not its stream; a header says why. */
function joinFleet(fleet: Fleet, owner: string, name: RepositoryName, text: string, response: ServerResponse): void {
  try {
    const member = fleet.join(owner, name, readReport(text));
    response.once('close', () => fleet.leave(member));
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    response.setHeader(REPORT_HEADER, `refused: ${error.detail}`);
  }
}

function headerText({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The stream ends with the connection, so it needs no chunks: one event is one write. */
function openStream(request: IncomingMessage, response: ServerResponse): void {
  request.socket.setNoDelay(true);
  request.socket.setKeepAlive(true, 30_000);
  request.socket.setTimeout(0);
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // nginx would hold events back.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
}

/** `POST /reports`: what a subscriber has published since it opened its stream. */
export function reportsRoute({ doorkeeper, fleet }: RelayRoutesOptions): Route {
  return async ({ pathname }, request, response) => {
    if (pathname !== '/reports') return false;
    const principal = doorkeeper.identify(request, response);
    if (!principal) return true;
    const body = request.method === 'POST' ? await readRequest(request, LARGEST_REPORT) : undefined;
    try {
      const report = readReport(body?.toString() ?? '');
      const name = fleet.repositoryOf(principal.id, report.stream);
      const isTaken = name !== undefined && principal.mayRead(name) && fleet.report(principal.id, report);
      if (isTaken) response.writeHead(204).end();
      // With several relays behind one name it may have come to the wrong one.
      else answerText(response, 421, 'that stream is not here');
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      answerText(response, 400, `it is no report: ${error.detail}`);
    }
    return true;
  };
}

/** `GET /status`: what is followed and how fresh it is. */
export function statusRoute({ doorkeeper, repositories, hub }: RelayRoutesOptions): Route {
  return async ({ pathname }, request, response) => {
    if (pathname !== '/status') return false;
    const principal = doorkeeper.identify(request, response);
    if (!principal) return true;
    const followers = repositories.followers.filter(({ upstream }) => principal.mayRead(upstream.name));
    answerJson(response, 200, {
      subscribers: hub.subscribers,
      repositories: followers.map((follower) => ({
        repository: follower.upstream.name,
        known: follower.isKnown,
        refs: refsIn(follower.refs, principal.viewOf(follower.upstream.name)).size,
        asOf: follower.isKnown ? new Date(follower.asOf).toISOString() : null,
        trouble: follower.trouble?.code ?? null,
        requestsSent: follower.requestsSent,
      })),
    });
    return true;
  };
}
