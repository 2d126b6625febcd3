import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, SidecarError } from '../../model/error.ts';
import { answerText, type Route, readRequest } from '../../platform/http-answer.ts';
import type { Logger } from '../../platform/log.ts';
import { writeAdvertisement, writeErrorPacket } from '../../remote/wire/advertisement.ts';
import { type Command, readCommand, refSelectionOf, wantsOf } from '../../remote/wire/command.ts';
import { writeRefs } from '../../remote/wire/ls-refs.ts';
import { FLUSH_PACKET } from '../../remote/wire/pkt-line.ts';
import { digestOf } from '../protocol/refs.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import type { Follower } from './follower.ts';
import type { PackAnswers, PackQuestion } from './pack-answers.ts';
import type { Spool } from './spool.ts';

export interface GitRouteOptions {
  readonly doorkeeper: Doorkeeper;
  readonly answers: PackAnswers;
  readonly agent: string;
  readonly log: Logger;
}

/** `have` lines of a clone with very many refs; a longer question is refused. */
const LARGEST_QUESTION = 4 * 1024 * 1024;
/** How long a client waits for a repository that is being mirrored for the first time. */
const PATIENCE_MS = 60_000;
/** How long a client waits for a commit that is not here yet; the next attempt of a client comes soon. */
const WANT_PATIENCE_MS = 5000;

const PREFIX = '/git/';
const RESULT = 'application/x-git-upload-pack-result';
const NO_CACHE = { 'cache-control': 'no-cache, max-age=0, must-revalidate' };

interface Request {
  readonly name: RepositoryName | undefined;
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
  return { name: parseRepositoryName(decodePath(path)), service: service as Request['service'] };
}

/** A slash or a dot that is spelled in another way stays spelled that way, and is then refused. */
function decodePath(path: string): string {
  return path
    .split('/')
    .map((segment) => {
      try {
        return /%2f|%5c|%00|%2e/i.test(segment) ? '..' : decodeURIComponent(segment);
      } catch {
        return '..';
      }
    })
    .join('/');
}

/** Read-only git smart HTTP of the mirrors (gitprotocol-http): `git clone RELAY/git/HOST/PATH`. */
export function gitRoute(options: GitRouteOptions): Route {
  return async (url, request, response) => {
    if (!url.pathname.startsWith(PREFIX)) return false;
    const asked = readPath(url, request.method);
    if (asked === 'push') answerText(response, 403, 'this is a relay: push to the git server itself');
    else if (!asked) answerText(response, 404, 'a relay serves /git/HOST/PATH to git clients');
    else {
      const follower = await options.doorkeeper.admit(asked.name, request, response, PATIENCE_MS);
      if (follower) await serve(options, follower, asked.service, request, response);
    }
    return true;
  };
}

async function serve(
  options: GitRouteOptions,
  follower: Follower,
  service: Request['service'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const protocol = /(?:^|:)version=2(?:$|:)/.test(String(request.headers['git-protocol'] ?? '')) ? 2 : 0;
  response.setHeader('git-sidecar-as-of', new Date(follower.asOf).toISOString());
  try {
    if (service === 'info/refs') await advertise(options, follower, protocol, response);
    else await answerCommand(options, follower, protocol, request, response);
  } catch (error) {
    if (response.headersSent) throw error;
    if (error instanceof SidecarError && error.code === 'ERR_RELAY_FULL') {
      response.setHeader('retry-after', '5');
      answerText(response, 503, error.detail);
      return;
    }
    response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
    response.end(Buffer.concat([writeErrorPacket(`the relay: ${messageOf(error)}`), FLUSH_PACKET]));
  }
}

async function advertise(
  { answers, agent }: GitRouteOptions,
  follower: Follower,
  protocol: 0 | 2,
  response: ServerResponse,
): Promise<void> {
  const type = 'application/x-git-upload-pack-advertisement';
  if (protocol === 2) {
    response.writeHead(200, { 'content-type': type, ...NO_CACHE });
    response.end(writeAdvertisement(follower.mirror.objectFormat ?? 'sha1', agent));
    return;
  }
  const how = { body: Buffer.alloc(0), protocol, isOwed: true, advertise: true } as const;
  const preamble = Buffer.from('001e# service=git-upload-pack\n0000');
  await send(response, type, answers.ask(questionFor(follower, { ...how, words: ['refs'] })).answer, preamble);
}

async function answerCommand(
  { answers, log }: GitRouteOptions,
  follower: Follower,
  protocol: 0 | 2,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readQuestion(request).catch(() => 'torn' as const);
  if (body === 'torn') {
    answerText(response, 400, 'the question cannot be unpacked');
    return;
  }
  if (!body) {
    response.setHeader('connection', 'close');
    answerText(response, 413, 'the question is too long');
    return;
  }
  if (protocol === 0) {
    const words = [body.toString('latin1').replace(/ (?:agent|session-id)=\S+/g, '')];
    const question = questionFor(follower, { body, protocol, isOwed: false, advertise: false, words });
    await send(response, RESULT, answers.ask(question).answer);
    return;
  }
  const command = readCommand(body);
  if (command.name === 'ls-refs') {
    response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
    response.end(writeRefs(follower.refs.values(), refSelectionOf(command)));
    return;
  }
  if (command.name !== 'fetch') throw new SidecarError('ERR_REMOTE_PROTOCOL', unknownCommand(command));
  const isOwed = await waitForWants(follower, command, log);
  const question = questionFor(follower, { body, protocol, isOwed, advertise: false, words: wordsOf(command) });
  await send(response, RESULT, answers.ask(question).answer);
}

function unknownCommand({ name }: Command): { op: string; detail: string } {
  return { op: 'answer a git client', detail: `a relay has no command ${name}` };
}

/** The words of a command that decide the answer: not who asks. */
function wordsOf({ capabilities, args }: Command): string[] {
  const deciding = capabilities.filter((word) => !/^(?:agent|session-id)=/.test(word));
  return [...deciding.sort(), '', ...args];
}

function questionFor(
  { upstream, refs, mirror }: Follower,
  {
    words,
    ...rest
  }: Pick<PackQuestion, 'body' | 'protocol' | 'isOwed' | 'advertise'> & { readonly words: readonly string[] },
): PackQuestion {
  const key = [upstream.name, digestOf(refs), String(rest.protocol), String(rest.advertise), ...words];
  return { gitDir: mirror.gitDir, key, ...rest };
}

/**
 * A commit that this relay has not got yet: another relay, or NATS, was quicker to tell of it. Then the git server is
 * asked now, once for all who want it.
 * @returns whether only what the refs show is wanted
 */
async function waitForWants(follower: Follower, command: Command, log: Logger): Promise<boolean> {
  const tips = new Set([...follower.refs.values()].map(({ oid }) => oid as string));
  const others = wantsOf(command).filter((want) => !tips.has(want));
  for (const want of others) {
    if (!/^[0-9a-f]{40,64}$/.test(want) || (await follower.has(want))) continue;
    log.info(1, 'somebody wants what is not here yet', { repository: follower.upstream.name, hash: want });
    await follower.bring(want, WANT_PATIENCE_MS);
    break;
  }
  return others.length === 0;
}

/** The body of a request; undefined when it is too long, unpacked. */
async function readQuestion(request: IncomingMessage): Promise<Buffer | undefined> {
  const isPacked = /gzip/.test(String(request.headers['content-encoding'] ?? ''));
  if (!isPacked) return await readRequest(request, LARGEST_QUESTION);
  const unpacked = createGunzip();
  // A client that goes away in the middle ends this too.
  pipeline(request, unpacked, () => undefined);
  return await readRequest(unpacked, LARGEST_QUESTION);
}

/** Sends the answer at the client's pace; one that breaks off breaks the connection, so that nobody takes it for whole. */
async function send(response: ServerResponse, type: string, answer: Spool, preamble?: Buffer): Promise<void> {
  let started = false;
  try {
    for await (const chunk of answer.read()) {
      if (!started) {
        response.writeHead(200, { 'content-type': type, ...NO_CACHE });
        if (preamble) response.write(preamble);
        started = true;
      }
      if (response.destroyed) return;
      if (!response.write(chunk)) await drained(response);
    }
    response.end();
  } catch (error) {
    if (started) response.destroy();
    else
      answerText(
        response,
        502,
        `the relay cannot answer: ${error instanceof SidecarError ? error.code : 'see its log'}`,
      );
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
