import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { answering } from './answering.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface HttpStub {
  readonly url: string;
  readonly requests: Request[];
  /** How many connections there were by now. */
  readonly connections: () => number;
  /** Closes every connection that is open, as a server does with idle ones. */
  dropConnections(): void;
}

/** An HTTP service whose answers the test gives; keeps every request it got. @param tls its key and certificate */
export async function httpStub(
  answer: (request: Request, response: ServerResponse) => void | Promise<void>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<HttpStub> {
  const requests: Request[] = [];
  const listener = answering(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    };
    requests.push(request);
    await answer(request, response);
  });
  let connections = 0;
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    dropConnections: () => server.closeAllConnections(),
  };
}
