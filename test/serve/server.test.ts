import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { answerText, readRequest } from '../../src/platform/http-answer.ts';
import type { Answer } from '../../src/platform/http-route.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer, type TimeLimits } from '../../src/serve/server.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const servers: HttpServer[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const list of [begun, over]) list.splice(0);
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const LONG: TimeLimits = { head: 60_000, whole: 60_000, idle: 60_000, reading: 60_000, handshake: 60_000, check: 50 };
const LARGE = 'x'.repeat(32 * 1024 * 1024);

/** Paths whose answers have begun, and whose connections are closed. */
const begun: string[] = [];
const over: string[] = [];

const answer: Answer = async ({ pathname }, request, response) => {
  begun.push(pathname);
  response.once('close', () => over.push(pathname));
  if (pathname === '/bomb') {
    // As a pipeline does it when what it leads to does not want any more: the request loses its socket.
    request.destroy();
    answerText(response, 413, 'too long');
  } else if (pathname === '/large') answerText(response, 200, LARGE);
  else if (pathname === '/body') answerText(response, 200, `${(await readRequest(request, 1000))?.length}`);
  else if (pathname === '/never') await new Promise((done) => response.once('close', done));
  else answerText(response, 200, 'here');
};

async function start(options: Partial<HttpServerOptions>): Promise<number> {
  const config = { host: '127.0.0.1', port: 0, metrics: false, profiles: false } as never;
  const server = await startHttpServer({ config, log: silentLog, find: () => answer, ...options });
  servers.push(server);
  return server.port;
}

interface Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  isClosed: boolean;
  text: string;
}

async function open(port: number, localAddress = '127.0.0.1'): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  const client: Client = { socket, closed: once(socket, 'close'), isClosed: false, text: '' };
  void client.closed.then(() => {
    client.isClosed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    client.text += chunk.toString('latin1', 0, 200);
  });
  await once(socket, 'connect');
  return client;
}

/** Sends a piece now and then until the connection is closed. */
async function trickle({ socket, closed }: Client, piece: string): Promise<void> {
  const timer = setInterval(() => socket.write(piece), 20);
  await closed;
  clearInterval(timer);
}

describe('a client that is slow on purpose loses its connection', () => {
  test.each([
    ['says nothing at all', { ...LONG, head: 200 }, '', ''],
    ['sends its head bit by bit', { ...LONG, head: 200 }, 'GET / HTTP/1.1\r\nhost: x\r\n', 'a: b\r\n'],
    [
      'sends its body bit by bit',
      { ...LONG, head: 200, whole: 400 },
      'POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n',
      'x',
    ],
    [
      'sends a body that nobody reads bit by bit',
      { ...LONG, head: 200, whole: 400 },
      'POST /other HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n',
      'x',
    ],
    ['asks nothing more', { ...LONG, idle: 200 }, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', ''],
    [
      'begins another request and does not end it',
      { ...LONG, head: 200 },
      'GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\n',
      'a: b\r\n',
    ],
  ])('%s', async (_what, own, first, piece) => {
    const port = await start({ limits: own });
    const client = await open(port);
    client.socket.write(first);
    await trickle(client, piece);
    expect(client.isClosed).toBe(true);
  });

  test('takes nothing of a large answer', async () => {
    const port = await start({ limits: { ...LONG, reading: 200 } });
    const client = await open(port);
    client.socket.pause();
    client.socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('the server has closed it', () => over.includes('/large'));
    // What the kernels hold arrives; the answer is not whole.
    client.socket.resume();
    await client.closed;
    expect(client.socket.bytesRead).toBeLessThan(LARGE.length);
  });

  test('while others, who wait for an answer that takes its time, keep theirs', async () => {
    const port = await start({ limits: { head: 200, whole: 200, idle: 200, reading: 200, check: 50 } });
    const waiting = await open(port);
    waiting.socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((done) => setTimeout(done, 1000));
    expect(waiting.isClosed).toBe(false);
  });
});

test.skipIf(missing('openssl'))('a client that does not end its TLS handshake loses its connection', async () => {
  const dir = tempDir();
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const args = ['req', '-x509', ...key, '-subj', '/CN=x', '-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', args, { stdio: 'ignore' });
  const tls = { certFile, keyFile, clientCaFile: undefined };
  const port = await start({ limits: { ...LONG, handshake: 200 }, tls });
  const client = await open(port);
  // The first bytes of a ClientHello.
  client.socket.write(Buffer.from('160301', 'hex'));
  await client.closed;
});

test('a request that loses its socket while it is answered harms nobody', async () => {
  const port = await start({ limits: LONG });
  for (let round = 0; round < 3; round += 1) {
    const client = await open(port);
    client.socket.write('POST /bomb HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nx');
    await client.closed;
  }
  const other = await open(port);
  other.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await until('it is answered', () => other.text.includes('200 OK'));
});

describe('connections', () => {
  test('with all of them taken by one address, another one gets in, and those with a request stay', async () => {
    const port = await start({ limits: LONG, mostConnections: 4 });
    const [busy, ...resting] = [await open(port), await open(port), await open(port), await open(port)];
    busy.socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('it asks', () => begun.includes('/never'));
    const other = await open(port, '127.0.0.2');
    other.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('it is answered', () => other.text.includes('200 OK'));
    expect(busy.isClosed).toBe(false);
    await until('one of the others is closed', () => resting.some(({ isClosed }) => isClosed));
    expect(resting.map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
    const more = await open(port);
    await more.closed;
    expect(other.isClosed).toBe(false);
  });

  test('of one address there are as many as it may have', async () => {
    const port = await start({ limits: LONG, mostOfOneAddress: 2 });
    const clients = [await open(port), await open(port), await open(port)];
    await clients[2]?.closed;
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, false, true]);
    const other = await open(port, '127.0.0.2');
    other.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('it is answered', () => other.text.includes('200 OK'));
    clients[0]?.socket.destroy();
    await until('there is room', async () => {
      const next = await open(port);
      next.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      await Promise.race([next.closed, once(next.socket, 'data')]);
      return next.text.includes('200 OK');
    });
  });
});
