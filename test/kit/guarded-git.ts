import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { answering } from './answering.ts';
import { httpGit } from './http-git.ts';

/** A user name and password that somebody showed, and for what. */
export interface Shown {
  readonly username: string;
  readonly password: string;
  /** Of the repository. */
  readonly path: string;
  readonly host: string;
}

export interface GuardedGit {
  readonly url: string;
  /** Contents that git-lfs gets, by their ids. */
  readonly large: Map<string, string>;
  /** How often the server refused what somebody showed. */
  readonly refused: () => number;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function shownBy({ headers, url = '' }: IncomingMessage): Shown | undefined {
  const encoded = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  const path = url.replace(/\/(?:info\/refs.*|git-upload-pack)$/, '');
  return { username, password, path, host: headers.host ?? '' };
}

/** git-lfs: the batch API, and the objects themselves. */
function answerLfs(
  { url = '', headers }: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  large: ReadonlyMap<string, string>,
): void {
  const id = /^\/lfs\/([0-9a-f]{64})$/.exec(url)?.[1];
  if (id !== undefined) return void response.end(large.get(id));
  const asked = (JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] }).objects;
  const objects = asked.map((each) => ({
    ...each,
    actions: { download: { href: `http://${headers.host}/lfs/${each.oid}` } },
  }));
  response.setHeader('content-type', 'application/vnd.git-lfs+json');
  response.end(JSON.stringify({ transfer: 'basic', objects }));
}

/** git over smart HTTP that wants a user name and a password, and asks the test which ones. */
export async function guardedGit(projectRoot: string, accepts: (shown: Shown) => boolean): Promise<GuardedGit> {
  const backend = await httpGit(projectRoot);
  const large = new Map<string, string>();
  let refused = 0;
  const server = createServer(
    answering(async (request, response) => {
      const body = await bodyOf(request);
      const shown = shownBy(request);
      if (!shown || !accepts(shown)) {
        refused += shown ? 1 : 0;
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      }
      if (/\/info\/lfs\/|^\/lfs\//.test(request.url ?? '')) return answerLfs(request, response, body, large);
      const headers = Object.entries(request.headers).flatMap(([name, value]) =>
        ['git-protocol', 'content-type', 'content-encoding'].includes(name) ? [[name, String(value)]] : [],
      );
      const answer = await fetch(backend + (request.url ?? ''), {
        method: request.method ?? 'GET',
        headers: Object.fromEntries(headers) as Record<string, string>,
        ...(request.method === 'POST' && { body }),
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    }),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, large, refused: () => refused };
}
