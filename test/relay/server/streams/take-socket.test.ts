import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { answerText } from '../../../../src/platform/http-answer.ts';
import type { Answer } from '../../../../src/platform/http-route.ts';
import { takeSocket } from '../../../../src/relay/server/streams/take-socket.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../../../src/serve/server.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { until } from '../../../peers/wait.ts';

const servers: HttpServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A server whose streams are taken, and what became of each. */
async function setUp(options: Partial<HttpServerOptions> = {}) {
  const taken: Socket[] = [];
  const state = { refused: 0, forgotten: 0, finishSlow: (): void => undefined };
  const stream: Answer = async ({ pathname }, request, response) => {
    if (pathname === '/slow') {
      await new Promise<void>((done) => {
        state.finishSlow = done;
      });
      answerText(response, 200, 'slow');
      return;
    }
    response.once('close', () => {
      state.forgotten += 1;
    });
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    const socket = takeSocket(request, response);
    if (socket) taken.push(socket);
    else {
      state.refused += 1;
      response.end('not taken');
    }
  };
  const config = { host: '127.0.0.1', port: 0, metrics: false, profiles: false } as never;
  const server = await startHttpServer({ config, log: silentLog, find: () => stream, ...options });
  servers.push(server);
  const open = (text: string, localAddress = '127.0.0.1') => {
    const socket = connect({ port: server.port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    const client = { socket, text: '', isClosed: false };
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        client.text += chunk;
      });
    socket.once('close', () => {
      client.isClosed = true;
    });
    socket.write(text);
    return client;
  };
  return { server, taken, state, open };
}

const ASK = 'GET /stream HTTP/1.1\r\nhost: x\r\n\r\n';

describe('a stream that left the HTTP server', () => {
  test('goes on, and its request and answer are over', async () => {
    const { taken, state, open } = await setUp();
    const client = open(ASK);
    await until('the stream is taken', () => taken[0] && state.forgotten === 1);
    taken[0]?.write('one\n');
    await until('the first came', () => client.text.endsWith('\r\n\r\none\n'));
    taken[0]?.write('two\n');
    await until('the second came', () => client.text.endsWith('one\ntwo\n'));
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(client.text).toMatch(/\r\nConnection: close\r\n/i);
  });

  test('ends with its last bytes, without waiting for the client to close its side', async () => {
    const { taken, open } = await setUp();
    const client = open(ASK);
    await until('the stream is taken', () => taken[0]);
    const closed = taken[0] && once(taken[0], 'close');
    taken[0]?.end('the last\n');
    await closed;
    await until('the client has all of it', () => client.isClosed && client.text.endsWith('the last\n'));
  });

  test('is over when the client goes', async () => {
    const { taken, open } = await setUp();
    const client = open(ASK);
    await until('the stream is taken', () => taken[0]);
    client.socket.destroy();
    await until('it is over', () => taken[0]?.destroyed);
  });

  test('is over when the client sends anything more', async () => {
    const { taken, open } = await setUp();
    const client = open(ASK);
    await until('the stream is taken', () => taken[0]);
    client.socket.write(ASK);
    await until('it is over', () => client.isClosed);
    expect(taken).toHaveLength(1);
  });

  test('keeps its place among the connections until it ends', async () => {
    const { taken, open } = await setUp({ mostConnections: 2 });
    const [first, second] = [open(ASK), open(ASK)];
    await until('both are taken', () => taken.length === 2);
    const other = open(ASK, '127.0.0.2');
    await until('there is no room', () => other.isClosed);
    expect([first.isClosed, second.isClosed]).toEqual([false, false]);
    first.socket.destroy();
    await until('there is room again', () => {
      if (taken.length < 3) open(ASK, '127.0.0.2');
      return taken.length > 2;
    });
  });

  test('does not keep the server from closing', async () => {
    const { server, taken, open } = await setUp();
    open(ASK);
    await until('the stream is taken', () => taken[0]);
    await server.close();
    servers.length = 0;
    taken[0]?.destroy();
  });

  test('is not taken while an earlier request of its connection is being answered', async () => {
    const { taken, state, open } = await setUp();
    const client = open(`GET /slow HTTP/1.1\r\nhost: x\r\n\r\n${ASK}`);
    await until('it was answered in the ordinary way', () => state.refused === 1);
    state.finishSlow();
    await until('both answers came', () => client.text.includes('slow') && client.text.endsWith('not taken'));
    expect(taken).toEqual([]);
  });
});
