import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf, SidecarError } from '../../../model/error.ts';
import type { ObjectFormat } from '../../../model/oid.ts';
import { answerText } from '../../../platform/http-answer.ts';
import type { Answer, Route } from '../../../platform/http-route.ts';
import { filterInTurns } from '../../../platform/in-turns.ts';
import { writeAdvertisement, writeOldAdvertisement } from '../../../remote/wire/advertisement.ts';
import { isWantedBy, type RefSelection, writeRefs } from '../../../remote/wire/ls-refs.ts';
import { INSTANCE_HEADER } from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Principal } from '../access/access.ts';
import type { Doorkeeper } from '../access/doorkeeper.ts';
import type { OnRefused } from '../access/quotas.ts';
import { type StreamKeys, shownKey } from '../fleet/stream-keys.ts';
import { RepositoryPaths } from '../mirror/repository-paths.ts';
import { SILENT } from '../rollouts/governed-repository.ts';
import type { RolloutDesk } from '../rollouts/rollout-desk.ts';
import { instanceKey } from '../rollouts/rollouts.ts';
import type { RefView } from '../streams/ref-view.ts';
import type { FetchGate } from './fetch-gate.ts';
import { ADVERTISEMENT, sendAnswer, sendBytes, sendError, sendPackets } from './git-answer.ts';
import { type GitClient, objectFormatOf, refsOf, scopeOf } from './git-client.ts';
import { ownPart, understand } from './git-command.ts';
import { readQuestion } from './git-question.ts';
import type { LargeQuestions } from './large-questions.ts';
import type { PackAnswers } from './pack-answers.ts';
import type { ReadyAnswers } from './ready-answers.ts';

export interface GitRouteOptions {
  readonly doorkeeper: Doorkeeper;
  readonly answers: PackAnswers;
  readonly gate: FetchGate;
  readonly questions: LargeQuestions;
  readonly ready: ReadyAnswers;
  readonly rollouts: RolloutDesk;
  readonly keys: StreamKeys;
  readonly onRefused: OnRefused;
  readonly agent: string;
}

/** How long a client waits for a repository that is being mirrored for the first time. */
const PATIENCE_MS = 60_000;
/** Lists of so many refs are written at once, and may be remembered. */
const FEW_REFS = 300;

interface Context extends GitRouteOptions {
  /** Of protocol v2: the same for all clients. */
  readonly advertisements: Readonly<Record<ObjectFormat, Buffer>>;
}

interface Request {
  readonly path: string;
  readonly service: 'info/refs' | 'git-upload-pack';
}

function readPath({ pathname, searchParams }: URL, method: string | undefined): Request | 'push' | undefined {
  const found = /^\/git\/(.+)\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(pathname);
  if (!found) return undefined;
  const [, path = '', service = ''] = found;
  if (service === 'git-receive-pack' || searchParams.get('service') === 'git-receive-pack') return 'push';
  if (
    service === 'info/refs' ? method !== 'GET' || searchParams.get('service') !== 'git-upload-pack' : method !== 'POST'
  )
    return undefined;
  return { path, service: service as Request['service'] };
}

/** What the client may see: where a policy says so, only what was released to its instance. */
function viewFor(
  { rollouts, keys }: Pick<GitRouteOptions, 'rollouts' | 'keys'>,
  principal: Principal,
  name: RepositoryName,
  request: IncomingMessage,
): RefView {
  const view = principal.viewOf(name);
  if (!rollouts.isEnforced(name)) return view;
  const instance = decodeName(request.headers[INSTANCE_HEADER]);
  const isIts =
    instance !== undefined &&
    principal.namesOf(name).allows(instance) &&
    keys.isOwn({ repository: name, owner: principal.id, instance }, shownKey(request));
  return rollouts.viewOf(name, isIts ? instanceKey(principal.id, instance) : SILENT, view, undefined);
}

function decodeName(text: string | string[] | undefined): string | undefined {
  try {
    return typeof text === 'string' ? decodeURIComponent(text) : undefined;
  } catch {
    // It was not made by one of us.
    return undefined;
  }
}

/** Read-only git smart HTTP of the mirrors (gitprotocol-http): `git clone RELAY/git/HOST/PATH`. */
export function gitRoute(wiring: GitRouteOptions): Route {
  const paths = new RepositoryPaths();
  const [sha1, sha256] = [writeAdvertisement('sha1', wiring.agent), writeAdvertisement('sha256', wiring.agent)];
  const options: Context = { ...wiring, advertisements: { sha1, sha256 } };
  const answer: Answer = async (url, request, response) => {
    const asked = readPath(url, request.method);
    if (asked === 'push') answerText(response, 403, 'this is a relay: push to the git server itself');
    else if (!asked) answerText(response, 404, 'a relay serves /git/HOST/PATH to git clients');
    else {
      const principal = options.doorkeeper.identify(request, response);
      const follower =
        principal && (await options.doorkeeper.admit(paths.nameIn(asked.path), request, response, PATIENCE_MS));
      if (!follower) return;
      const protocol = /(?:^|:)version=2(?:$|:)/.test(String(request.headers['git-protocol'] ?? '')) ? 2 : 0;
      const view = viewFor(options, principal, follower.upstream.name, request);
      const client: GitClient = { owner: principal.id, follower, view, protocol };
      await serve(options, client, asked.service, request, response);
    }
  };
  return { path: '/git/**', answer };
}

async function serve(
  options: Context,
  client: GitClient,
  service: Request['service'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('git-sidecar-as-of', new Date(client.follower.asOf).toISOString());
  try {
    if (service === 'info/refs') await advertise(options, client, response);
    else await answerCommand(options, client, request, response);
  } catch (error) {
    if (response.headersSent) throw error;
    if (error instanceof SidecarError && isMomentary(error)) {
      if (error.is('full')) options.onRefused('answers');
      response.setHeader('retry-after', '5');
      answerText(response, 503, error.detail);
    } else sendError(response, messageOf(error));
  }
}

/** The same question may be answered a little later. */
function isMomentary(error: SidecarError): boolean {
  return error.class === 'wait' || error.is('too-slow', 'killed');
}

async function advertise(
  { agent, advertisements }: Context,
  client: GitClient,
  response: ServerResponse,
): Promise<void> {
  const format = objectFormatOf(client);
  if (client.protocol === 2) sendBytes(response, advertisements[format], ADVERTISEMENT);
  else await sendPackets(response, writeOldAdvertisement(await refsOf(client), format, agent), ADVERTISEMENT);
}

async function answerCommand(
  options: Context,
  client: GitClient,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const read = await readQuestion(options.questions, client.owner, request, response);
  if (!read) return;
  const ready = options.ready.find(scopeOf(client), read.body, await refsOf(client));
  if (ready) {
    read.release();
    if (ready.kind === 'bytes') sendBytes(response, ready.bytes);
    else await sendAnswer(options, { ...ready.question, ...ownPart(options.gate, client, ready.request) }, response);
    return;
  }
  const understood = await understand(options, client, read.body).finally(read.release);
  if ('body' in understood) await sendAnswer(options, understood, response);
  else if (understood.name === 'ls-refs') await sendRefs(options, client, read.body, understood.selection, response);
  else sendBytes(response, Buffer.alloc(0));
}

async function sendRefs(
  { ready }: GitRouteOptions,
  client: GitClient,
  question: Buffer,
  selection: RefSelection,
  response: ServerResponse,
): Promise<void> {
  const refs = await refsOf(client);
  const wanted = await filterInTurns(refs.values(), isWantedBy(selection));
  const packets = writeRefs(wanted, selection);
  if (wanted.length > FEW_REFS) return await sendPackets(response, packets);
  const bytes = Buffer.concat([...packets]);
  ready.keep(scopeOf(client), question, refs, { kind: 'bytes', bytes });
  sendBytes(response, bytes);
}
