import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, SidecarError } from '../../model/error.ts';
import type { ObjectFormat } from '../../model/oid.ts';
import { answerText, type Route } from '../../platform/http-answer.ts';
import { inTurns, type Steps } from '../../platform/in-turns.ts';
import { writeAdvertisement, writeErrorPacket, writeOldAdvertisement } from '../../remote/wire/advertisement.ts';
import { type Command, readCommand } from '../../remote/wire/command.ts';
import { type FetchRequest, writeFetchRequest } from '../../remote/wire/fetch-request.ts';
import { type RefSelection, writeRefs } from '../../remote/wire/ls-refs.ts';
import { readOldFetchRequest, writeOldFetchRequest } from '../../remote/wire/old-fetch-request.ts';
import { FLUSH_PACKET } from '../../remote/wire/pkt-line.ts';
import { digestOf, type Refs } from '../protocol/refs.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import type { FetchClient, FetchGate } from './fetch-gate.ts';
import type { LargeQuestions, ReadQuestion } from './large-questions.ts';
import { PacedResponse } from './paced-response.ts';
import { keyOf, type PackAnswers, type PackQuestion } from './pack-answers.ts';
import type { OnRefused } from './quotas.ts';
import type { Ready, ReadyAnswers } from './ready-answers.ts';
import { refsIn } from './ref-view.ts';
import { RepositoryPaths } from './repository-paths.ts';

export interface GitRouteOptions {
  readonly doorkeeper: Doorkeeper;
  readonly answers: PackAnswers;
  readonly gate: FetchGate;
  readonly questions: LargeQuestions;
  readonly ready: ReadyAnswers;
  readonly onRefused: OnRefused;
  readonly agent: string;
}

/** `have` lines of a clone with very many refs; a longer question is refused. */
const LARGEST_QUESTION = 4 * 1024 * 1024;
/** How long a client waits for a repository that is being mirrored for the first time. */
const PATIENCE_MS = 60_000;
/** Of an error packet: it may hold text of the client. */
const LONGEST_ERROR = 500;
/** Of packets that are sent together. */
const PIECE_BYTES = 32 * 1024;
/** A question of so many bytes is never one of {@link LargeQuestions}. */
const SMALL_BYTES = 64 * 1024;
/** Lists of so many refs are written at once, and may be remembered. */
const FEW_REFS = 300;
const NOTHING = Buffer.alloc(0);

const PREFIX = '/git/';
const ADVERTISEMENT = 'application/x-git-upload-pack-advertisement';
const RESULT = 'application/x-git-upload-pack-result';
const NO_CACHE = { 'cache-control': 'no-cache, max-age=0, must-revalidate' };

/** The client, and what it asks for. */
interface Client extends FetchClient {
  readonly protocol: 0 | 2;
}

interface Context extends GitRouteOptions {
  /** Of protocol v2: the same for all clients. */
  readonly advertisements: Readonly<Record<ObjectFormat, Buffer>>;
}

type AnyCommand = Command | { readonly name: 'nothing' };

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

/** Read-only git smart HTTP of the mirrors (gitprotocol-http): `git clone RELAY/git/HOST/PATH`. */
export function gitRoute(wiring: GitRouteOptions): Route {
  const paths = new RepositoryPaths();
  const [sha1, sha256] = [writeAdvertisement('sha1', wiring.agent), writeAdvertisement('sha256', wiring.agent)];
  const options: Context = { ...wiring, advertisements: { sha1, sha256 } };
  return async (url, request, response) => {
    if (!url.pathname.startsWith(PREFIX)) return false;
    const asked = readPath(url, request.method);
    if (asked === 'push') answerText(response, 403, 'this is a relay: push to the git server itself');
    else if (!asked) answerText(response, 404, 'a relay serves /git/HOST/PATH to git clients');
    else {
      const principal = options.doorkeeper.identify(request, response);
      const follower =
        principal && (await options.doorkeeper.admit(paths.nameIn(asked.path), request, response, PATIENCE_MS));
      if (!follower) return true;
      const protocol = /(?:^|:)version=2(?:$|:)/.test(String(request.headers['git-protocol'] ?? '')) ? 2 : 0;
      const view = principal.viewOf(follower.upstream.name);
      const client: Client = { owner: principal.id, follower, view, protocol };
      await serve(options, client, asked.service, request, response);
    }
    return true;
  };
}

async function serve(
  options: Context,
  client: Client,
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
      return;
    }
    response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
    const text = `the relay: ${messageOf(error)}`.replace(/[\p{Cc}]+/gu, ' ').slice(0, LONGEST_ERROR);
    response.end(Buffer.concat([writeErrorPacket(text), FLUSH_PACKET]));
  }
}

async function advertise({ agent, advertisements }: Context, client: Client, response: ServerResponse): Promise<void> {
  const format = objectFormatOf(client);
  if (client.protocol === 2) sendBytes(response, advertisements[format], ADVERTISEMENT);
  else {
    response.writeHead(200, { 'content-type': ADVERTISEMENT, ...NO_CACHE });
    await sendPackets(response, writeOldAdvertisement(refsOf(client), format, agent));
  }
}

async function answerCommand(
  options: Context,
  client: Client,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const read = await readQuestion(options, client, request, response);
  if (!read) return;
  const ready = options.ready.find(scopeOf(client), read.body, refsOf(client));
  if (ready) {
    read.release();
    if (ready.kind === 'bytes') sendBytes(response, ready.bytes);
    else await sendAnswer(options, { ...ready.question, ...ownPart(options, client, ready.request) }, response);
    return;
  }
  const understood = await understand(options, client, read.body).finally(read.release);
  if ('body' in understood) await sendAnswer(options, understood, response);
  else if (understood.name === 'ls-refs') await sendRefs(options, client, read.body, understood.selection, response);
  else sendBytes(response, NOTHING);
}

/** What decides the answer to a question besides its bytes and the refs that the client sees. */
function scopeOf({ follower, protocol }: Client): string {
  return `${protocol} ${follower.upstream.name}`;
}

function sendBytes(response: ServerResponse, bytes: Buffer, type = RESULT): void {
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length, ...NO_CACHE });
  // Node writes a head together with a text, and a head and a buffer as two pieces, which costs more than to copy a few.
  if (bytes.length <= PIECE_BYTES) response.end(bytes.toString('latin1'), 'latin1');
  else response.end(bytes);
}

async function sendRefs(
  { ready }: GitRouteOptions,
  client: Client,
  question: Buffer,
  selection: RefSelection,
  response: ServerResponse,
): Promise<void> {
  const refs = refsOf(client);
  const packets = writeRefs(refs.values(), selection);
  if (refs.size > FEW_REFS) {
    response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
    await sendPackets(response, packets);
    return;
  }
  const bytes = Buffer.concat([...packets]);
  ready.keep(scopeOf(client), question, refs, { kind: 'bytes', bytes });
  sendBytes(response, bytes);
}

/** The command, or what git is asked in its place. */
async function understand(
  options: Context,
  client: Client,
  body: Buffer,
): Promise<Exclude<AnyCommand, { readonly name: 'fetch' }> | PackQuestion> {
  const format = objectFormatOf(client);
  const command = await inTurns<AnyCommand>(
    client.protocol === 2 ? readCommand(body, format) : readOldCommand(body, format),
  );
  return command.name === 'fetch' ? await questionFor(options, client, command.request, body) : command;
}

function* readOldCommand(body: Buffer, format: ObjectFormat): Steps<AnyCommand> {
  const request = yield* readOldFetchRequest(body, format);
  return request ? { name: 'fetch', request } : { name: 'nothing' };
}

/** What git is asked in place of the client, which may ask less: no text of the client reaches git. */
async function questionFor(
  options: Context,
  client: Client,
  asked: FetchRequest,
  bytes: Buffer,
): Promise<PackQuestion> {
  const { follower, protocol } = client;
  const { request, refs, isLasting } = await options.gate.admit(client, asked);
  const objectFormat = objectFormatOf(client);
  const write = protocol === 2 ? writeFetchRequest : writeOldFetchRequest;
  const same = {
    ...{ gitDir: follower.mirror.gitDir, objectFormat, protocol, isDone: request.end === 'done' },
    scope: [follower.upstream.name, digestOf(refs)],
    body: await inTurns(write(request, objectFormat)),
  };
  const question = { ...same, id: keyOf(same) };
  const ready: Ready = { kind: 'question', question, request };
  if (isLasting) options.ready.keep(scopeOf(client), bytes, refs, ready);
  return { ...question, ...ownPart(options, client, request) };
}

/** What of a question belongs to the client that asks. */
function ownPart(
  { gate }: GitRouteOptions,
  client: Client,
  request: FetchRequest,
): Pick<PackQuestion, 'owner' | 'isToBlame'> {
  return { owner: client.owner, isToBlame: async () => await gate.isToBlame(client, request) };
}

function refsOf({ follower, view }: Client): Refs {
  return refsIn(follower.refs, view);
}

function objectFormatOf({ follower }: Client): ObjectFormat {
  return follower.mirror.objectFormat ?? 'sha1';
}

/**
 * The body of a request; undefined when it was answered already: too long, unpacked, or torn.
 * @throws SidecarError ERR_RELAY_FULL
 */
async function readQuestion(
  { questions }: GitRouteOptions,
  { owner }: Client,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<ReadQuestion | undefined> {
  const small = readSmall(request);
  if (small) return { body: await small, release: () => undefined };
  const left = new AbortController();
  const leave = (): void => left.abort();
  response.once('close', leave);
  try {
    const isTooLong = Number(request.headers['content-length'] ?? 0) > LARGEST_QUESTION;
    const read = isTooLong ? undefined : await questions.read(unpacked(request), LARGEST_QUESTION, owner, left.signal);
    if (read) return read;
    response.setHeader('connection', 'close');
    answerText(response, 413, 'the question is too long');
  } catch (error) {
    // The rest of it is not needed.
    response.setHeader('connection', 'close');
    if (error instanceof SidecarError) throw error;
    answerText(response, 400, 'the question cannot be unpacked');
  } finally {
    response.off('close', leave);
  }
  return undefined;
}

/**
 * The body where it is known to be short, which costs less than to read one of any length.
 * @returns undefined for any other one; it rejects when the client goes before the end
 */
function readSmall(request: IncomingMessage): Promise<Buffer> | undefined {
  const { 'content-length': length, 'content-encoding': encoding } = request.headers;
  if (length === undefined || Number(length) > SMALL_BYTES || encoding !== undefined) return undefined;
  const chunks: Buffer[] = [];
  return new Promise((done, fail) => {
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const [only] = chunks;
      done(only && chunks.length === 1 ? only : Buffer.concat(chunks));
    });
    request.once('close', () => fail(new Error('the client has gone')));
    request.once('error', fail);
  });
}

/** A reader that stops in the middle leaves the connection open: the answer still has to be sent. */
function unpacked(request: IncomingMessage): AsyncIterable<Buffer> {
  if (!/gzip/.test(String(request.headers['content-encoding'] ?? '')))
    return request.iterator({ destroyOnReturn: false });
  const bytes = createGunzip();
  // A client that closes the connection in the middle ends this too.
  pipeline(request, bytes, () => undefined);
  return bytes;
}

/** Sends packets that are made while they are taken, many at a time; other work goes on in between. */
async function sendPackets(response: ServerResponse, packets: Iterable<Buffer>): Promise<void> {
  const reader = new PacedResponse(response);
  let piece: Buffer[] = [];
  let size = 0;
  for (const packet of packets) {
    piece.push(packet);
    size += packet.length;
    if (size < PIECE_BYTES) continue;
    if (!(await reader.write(Buffer.concat(piece)))) return;
    [piece, size] = [[], 0];
    await turn();
  }
  response.end(Buffer.concat(piece));
}

/**
 * Sends the answer at the client's pace. One that breaks off breaks the connection, so that no client takes it for
 * whole; one that was kept and cannot be read any more is computed anew.
 */
async function sendAnswer(options: Context, question: PackQuestion, response: ServerResponse): Promise<void> {
  let reader: PacedResponse | undefined;
  for (;;) {
    const { answer, source } = options.answers.ask(question);
    const { small } = answer;
    if (small) {
      sendBytes(response, small);
      return;
    }
    reader ??= new PacedResponse(response);
    let isStarted = false;
    try {
      for await (const chunk of answer.read(reader.left)) {
        if (!isStarted) response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
        isStarted = true;
        if (!(await reader.write(chunk))) return;
      }
      if (!isStarted) response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
      response.end();
      return;
    } catch (error) {
      if (isStarted) response.destroy();
      else if (source === 'kept') continue;
      else refuse(options, response, error);
      return;
    }
  }
}

/** The same question may be answered a little later. */
function isMomentary(error: SidecarError): boolean {
  return error.class === 'wait' || error.is('too-slow', 'killed');
}

function refuse({ onRefused }: GitRouteOptions, response: ServerResponse, error: unknown): void {
  if (error instanceof SidecarError && error.class === 'wait') {
    if (error.is('full')) onRefused('answers');
    response.setHeader('retry-after', '5');
    answerText(response, 503, 'the relay has no room for another answer');
  } else
    answerText(response, 502, `the relay cannot answer: ${error instanceof SidecarError ? error.code : 'see its log'}`);
}
