import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bodyOf, dismiss, readBody } from '../../src/platform/http-body.ts';
import { HttpConnection } from '../../src/platform/http-connection.ts';
import { until } from '../peers/wait.ts';

const direct = { verify: true, caFile: undefined, clientCertificate: undefined, proxy: undefined };

async function serve(answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void) {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests += 1;
    answer(request, response, requests);
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return { url, sockets };
}

function connect(access: Partial<ConstructorParameters<typeof HttpConnection>[0]> = {}): HttpConnection {
  const connection = new HttpConnection({ ...direct, ...access });
  onTestFinished(() => connection.close());
  return connection;
}

const patient = new AbortController().signal;

describe('a question over a kept-alive connection', () => {
  test('uses it again', async () => {
    const { url, sockets } = await serve((_request, response) => response.end('x'));
    const connection = connect();
    for (let times = 0; times < 3; times += 1)
      await readBody(await connection.ask({ method: 'GET', url, headers: {}, signal: patient }));
    expect([sockets.size, connection.sent]).toEqual([1, 3]);
  });

  test('is asked again on a new one when the old one is silent', async () => {
    const { url, sockets } = await serve((_request, response, nth) => {
      if (nth !== 2) response.end('x');
    });
    const connection = connect();
    const question = { method: 'GET', url, headers: {}, signal: patient, patienceMs: 50 };
    for (let times = 0; times < 2; times += 1) await readBody(await connection.ask(question));
    expect(connection.sent).toBe(3);
    await until('the silent connection is closed', () => sockets.size === 1);
  });

  test('gives a server that is slow on a new one too more time from then on', async () => {
    const { url } = await serve((_request, response, nth) => {
      setTimeout(() => response.end('x'), [0, 0, 300, 300, 100][nth]);
    });
    const connection = connect();
    const question = { method: 'GET', url, headers: {}, signal: patient, patienceMs: 50 };
    await readBody(await connection.ask(question));
    await readBody(await connection.ask(question));
    expect(connection.sent).toBe(3);
    await readBody(await connection.ask(question));
    expect(connection.sent).toBe(4);
  });

  test('waits on a new one as long as its signal lets it', async () => {
    const { url } = await serve((_request, response) => void setTimeout(() => response.end('x'), 300));
    const question = { method: 'GET', url, headers: {}, signal: patient, patienceMs: 10 };
    expect((await readBody(await connect().ask(question))).toString()).toBe('x');
  });

  test('does not queue behind an answer that nobody reads', async () => {
    const { url } = await serve((_request, response, nth) => {
      response.write('begun');
      if (nth > 1) response.end();
    });
    const connection = connect();
    const question = { method: 'GET', url, headers: {}, signal: patient };
    const unread = await connection.ask(question);
    expect((await readBody(await connection.ask(question))).toString()).toBe('begun');
    unread.destroy();
  });
});

describe('a question that is interrupted', () => {
  const silentPort = async (): Promise<{ port: number; open: Set<Socket> }> => {
    const open = new Set<Socket>();
    const server = createTcpServer((socket) => {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
      socket.resume();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    return { port: (server.address() as AddressInfo).port, open };
  };

  test.each([
    ['that is silent over HTTP', 'http://SILENT/', undefined],
    ['in the middle of a TLS handshake', 'https://SILENT/', undefined],
    ['behind a silent proxy, HTTP', 'http://far.test.example/', 'http://SILENT'],
    ['behind a silent proxy, HTTPS', 'https://far.test.example/', 'http://SILENT'],
    ['behind a silent proxy that speaks TLS', 'https://far.test.example/', 'https://SILENT'],
  ])('settles and leaves no socket behind, with a server %s', async (_name, address, proxy) => {
    const { port, open } = await silentPort();
    const at = (text: string): string => text.replace('SILENT', `127.0.0.1:${port}`);
    const connection = connect({ proxy: proxy && at(proxy) });
    for (let times = 0; times < 3; times += 1) {
      const signal = AbortSignal.timeout(50);
      await expect(
        connection.ask({ method: 'GET', url: new URL(at(address)), headers: {}, signal }),
      ).rejects.toMatchObject({ code: 'ERR_REMOTE_UNREACHABLE', detail: 'no complete answer in time' });
    }
    await until('every socket is closed', () => open.size === 0);
  });
});

describe('a question beside others', () => {
  test('takes nobody with it when it is given up before it has a socket', async () => {
    const waiting: ServerResponse[] = [];
    const { url, sockets } = await serve((_request, response) => void waiting.push(response));
    const connection = connect();
    const other = connection.ask({ method: 'GET', url, headers: {}, signal: patient });
    await until('the server has it', () => waiting.length === 1);
    const given = new AbortController();
    const asked = connection.ask({ method: 'GET', url, headers: {}, signal: given.signal });
    // Sockets are given out in the next turn of the event loop: until then only promises go on.
    for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
    given.abort();
    await expect(asked).rejects.toThrow();
    waiting[0]?.end('x');
    expect(String(await readBody(await other))).toBe('x');
    await until('nothing of it is left', () => sockets.size === 0);
  });
});

describe('a body', () => {
  const ask = async (answer: (response: ServerResponse) => void) => {
    const { url, sockets } = await serve((_request, response) => answer(response));
    const connection = connect();
    return { sockets, response: await connection.ask({ method: 'GET', url, headers: {}, signal: patient }) };
  };

  test('that stops coming ends, and says so', async () => {
    const { response, sockets } = await ask((to) => void to.write('some'));
    await expect(readBody(response, 50)).rejects.toThrow('nothing came for 50 ms');
    await until('its connection is closed', () => sockets.size === 0);
  });

  test('that is slow but moves goes on', async () => {
    const { response } = await ask((to) => {
      let pieces = 0;
      const timer = setInterval(() => {
        pieces += 1;
        if (pieces < 8) return void to.write('x');
        clearInterval(timer);
        to.end();
      }, 30);
    });
    expect((await readBody(response, 2000)).toString()).toBe('xxxxxxx');
  });

  test('whose reader is slow is not one that stopped', async () => {
    const { response } = await ask((to) => to.end('x'.repeat(300_000)));
    let size = 0;
    for await (const chunk of bodyOf(response, 200)) {
      size += chunk.length;
      if (size === chunk.length) await new Promise((done) => setTimeout(done, 500));
    }
    expect(size).toBe(300_000);
  });

  test('is released when its reader stops, before the first piece, in the middle, or while the next is awaited', async () => {
    for (const stop of ['at once', 'in the middle', 'while waiting']) {
      const { response, sockets } = await ask((to) => void to.write('some'));
      const body = bodyOf(response);
      if (stop !== 'at once') await body.next();
      if (stop === 'while waiting') void body.next().catch(() => undefined);
      await body.return?.();
      await until(`its connection is closed (${stop})`, () => sockets.size === 0);
    }
  });

  test('that nobody wants keeps its connection when it is short, and loses it when it never ends', async () => {
    const short = await ask((to) => to.end('no'));
    dismiss(short.response);
    await until('it is over', () => short.response.complete);
    expect(short.sockets.size).toBe(1);
    const endless = await ask((to) => void to.write('no'));
    dismiss(endless.response);
    await until('its connection is closed', () => endless.sockets.size === 0);
  });
});
