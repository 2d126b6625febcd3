import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answering } from '../kit/answering.ts';
import { httpGit } from '../kit/http-git.ts';
import { fixture } from '../kit/setup.ts';
import { published, sidecar } from '../kit/sidecar.ts';
import { until } from '../peers/wait.ts';

/** What a server does to one request. `stops` and `breaks`: in the middle of the body. */
const FAULTS = ['says nothing', 'stops', 'breaks', 'refuses', 'closes the connection'] as const;
type Fault = (typeof FAULTS)[number];

interface Server {
  readonly url: string;
  /** The kinds of request that came: `GET`, `ls-refs`, `fetch`. */
  readonly seen: Set<string>;
  /** The kind that is hit, every time, until it is put to undefined. */
  target: string | undefined;
  hits: number;
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function spoil(fault: Fault, body: Buffer, status: number, type: string, to: ServerResponse): void {
  if (fault === 'says nothing') return;
  if (fault === 'closes the connection') return void to.destroy();
  if (fault === 'refuses') return void to.writeHead(500).end('no');
  to.writeHead(status, { 'content-type': type, 'content-length': String(body.length) });
  to.write(body.subarray(0, body.length / 2), () => {
    if (fault === 'breaks') to.destroy();
  });
}

/** A git server that does `fault` to the requests that a test chose. */
async function faultyServer(directory: string, fault: Fault): Promise<Server> {
  const behind = await httpGit(directory);
  const server = createServer(
    answering(async (request, response) => {
      const asked = await bodyOf(request);
      const kind = /command=([a-z-]+)/.exec(asked.toString('latin1'))?.[1] ?? request.method ?? '';
      state.seen.add(kind);
      const { host: _host, connection: _connection, ...headers } = request.headers;
      const init = { method: request.method ?? '', headers: headers as Record<string, string> };
      const ask = async (): Promise<globalThis.Response> =>
        await fetch(`${behind}${request.url}`, {
          ...init,
          ...(request.method === 'POST' && { body: new Uint8Array(asked) }),
        });
      // The server behind may just have closed the connection that fetch kept: then it is asked on another one.
      const answer = await ask().catch(ask);
      const [body, type] = [Buffer.from(await answer.arrayBuffer()), answer.headers.get('content-type') ?? ''];
      if (kind === state.target) {
        state.hits += 1;
        spoil(fault, body, answer.status, type, response);
      } else response.writeHead(answer.status, { 'content-type': type }).end(body);
    }),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`;
  const state: Server = { url, seen: new Set(), target: undefined, hits: 0 };
  return state;
}

describe.each(FAULTS)('a git server that %s', (fault) => {
  test.each(['GET', 'ls-refs', 'fetch'])(
    'in answer to %s: the sync goes on when it is over, and can be ended in the middle',
    async (kind) => {
      const it = fixture();
      const server = await faultyServer(it.dir, fault);
      const args = [`--repo=${server.url}`, `--root=${it.root}`, '--link=link', '--period=50ms', '--sync-timeout=1s'];
      const start = () => sidecar([...args, '--max-failures=-1']);
      // What a server can do is asked once, at the start.
      if (kind === 'GET') server.target = kind;
      const process = start();
      const isThere = (oid: string): Promise<boolean> =>
        until(
          () => `${oid} is published\n${process.stderr.slice(-2000)}`,
          () => published(it.link) === oid,
        );
      if (kind !== 'GET') await isThere(it.first);
      server.target = kind;
      const oid = it.upstream.commit({ a: 'two' });
      await until('it was hit twice, or git went another way', () => server.hits > 1 || published(it.link) === oid);
      server.target = undefined;
      await isThere(oid);
      server.target = 'ls-refs';
      const before = server.hits;
      await until('it asks', () => server.hits > before);
      expect(await process.stop()).toEqual({ code: 143, signal: null });
    },
  );
});
