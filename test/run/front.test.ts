import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { Front } from '../../src/run/front.ts';
import { until } from '../peers/wait.ts';

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

async function listening<S extends Server>(server: S): Promise<{ server: S; port: number }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

/** Speaks first, after a while, as SMTP and MySQL do. */
async function greeter(text: string, afterMs = 0) {
  return await listening(
    createServer((socket) => {
      opened.push(() => socket.destroy());
      socket.on('error', () => undefined);
      setTimeout(() => socket.write(text), afterMs);
    }),
  );
}

async function front() {
  const made = await Front.listen({ host: '127.0.0.1', port: 0 }, systemClock);
  opened.push(() => void made.close());
  return made;
}

function client(port: number): { socket: Socket; text: string } {
  const state = { socket: connect(port, '127.0.0.1'), text: '' };
  opened.push(() => state.socket.destroy());
  state.socket.on('error', () => undefined);
  state.socket.on('data', (chunk: Buffer) => {
    state.text += chunk.toString();
  });
  return state;
}

describe('a switch from one process to the next', () => {
  test('reaches a client that waits for the server to speak first', async () => {
    const [slow, next, it] = [await greeter('old', 60_000), await greeter('new'), await front()];
    it.use(slow.port);
    const waiting = client(it.ownPort);
    await once(slow.server, 'connection');
    it.use(next.port);
    await until('the new process greets', () => waiting.text === 'new');
  });

  test('leaves no client without an answer, however it falls between the steps of connecting', async () => {
    const [one, two, it] = [await greeter('one'), await greeter('two'), await front()];
    it.use(one.port);
    const clients: ReturnType<typeof client>[] = [];
    for (let round = 0; round < 60; round += 1) {
      clients.push(client(it.ownPort));
      for (let turn = 0; turn < round % 6; turn += 1) await new Promise(setImmediate);
      it.use(round % 2 === 0 ? two.port : one.port);
    }
    await until('everybody was greeted', () => clients.every(({ text }) => text === 'one' || text === 'two'));
  });

  test('takes an idle HTTP connection along, so that nothing is left to be cut', async () => {
    const serve = (text: string) => http.createServer((_request, response) => response.end(text));
    const [one, two, it] = [await listening(serve('one')), await listening(serve('two')), await front()];
    it.use(one.port);
    const kept = client(it.ownPort);
    const ask = () => kept.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    ask();
    await until('the first answers', () => kept.text.endsWith('one'));
    it.use(two.port);
    expect(await it.drain(one.port, 0)).toBe(0);
    ask();
    await until('the second answers', () => kept.text.endsWith('two'));
  });
});

/** Answers as soon as it has the head of a request, closes, and never reads what else comes. */
async function hasty(answer: string) {
  return await listening(
    createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(answer);
        socket.destroySoon();
      });
    }),
  );
}

const EARLY: readonly [string, string][] = [
  ['413 with a length', 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big'],
  ['401 without "close"', 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\ntoo big'],
  ['413 in chunks', 'HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ntoo big\r\n0\r\n\r\n'],
  ['413 until close', 'HTTP/1.1 413 Too Large\r\n\r\ntoo big'],
];

describe('an answer that comes before the upload ends', () => {
  test.each(EARLY)('reaches the client: %s', async (_name, answer) => {
    const it = await front();
    it.use((await hasty(answer)).port);
    for (let round = 0; round < 12; round += 1) {
      const uploading = client(it.ownPort);
      const body = Buffer.alloc(256 * 1024);
      uploading.socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n');
      // It goes on sending until it has read the answer, as curl does.
      const more = () => {
        while (uploading.text === '' && !uploading.socket.destroyed) if (!uploading.socket.write(body)) return;
      };
      uploading.socket.on('drain', more);
      more();
      await until('the answer is there', () => uploading.text.includes('too big') || uploading.socket.destroyed);
      expect(uploading.text).toContain('too big');
      uploading.socket.destroy();
    }
  });

  test('does not keep the connection for ever: a client that never ends is cut', async () => {
    const it = await front();
    it.use((await hasty(EARLY[0]?.[1] ?? '')).port);
    const stubborn = client(it.ownPort);
    stubborn.socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n');
    await until('it has the answer', () => stubborn.text.includes('too big'));
    await until('it is cut', () => it.connections === 0, 15_000);
  }, 30_000);
});

describe('when run is to end', () => {
  test('each answer says that it is the last of its connection, and idle connections are closed', async () => {
    const app = await listening(http.createServer((_request, response) => response.end('ok')));
    const it = await front();
    it.use(app.port);
    const [asking, idle] = [client(it.ownPort), client(it.ownPort)];
    const ask = ({ socket }: { socket: Socket }) => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    for (const each of [asking, idle]) ask(each);
    await until('both have an answer', () => asking.text.endsWith('ok') && idle.text.endsWith('ok'));
    expect(asking.text).toContain('Connection: keep-alive');
    it.leave();
    ask(asking);
    await until('it is closed behind the second answer', () => asking.socket.closed);
    expect(asking.text).toMatch(/keep-alive.*HTTP\/1\.1 200 OK.*\r\nConnection: close\r\n\r\nok$/s);
    expect(asking.text.match(/keep-alive/g)).toHaveLength(1);
    const other = client(it.ownPort);
    ask(other);
    await until('a new one is served as well', () => other.text.endsWith('ok') && other.socket.closed);
    expect(other.text).toContain('Connection: close');
    expect(idle.socket.closed).toBe(false);
    expect(await it.finish(5000, new AbortController().signal)).toBe(0);
    await until('the idle one is closed', () => idle.socket.closed);
  });

  test('an answer that is under way is finished, and what takes too long is cut', async () => {
    const app = await listening(
      http.createServer((request, response) => {
        response.write('be');
        if (request.url === '/soon') setTimeout(() => response.end('gin'), 300);
      }),
    );
    const it = await front();
    it.use(app.port);
    const [soon, never] = [client(it.ownPort), client(it.ownPort)];
    soon.socket.write('GET /soon HTTP/1.1\r\nhost: x\r\n\r\n');
    never.socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('both have begun', () => soon.text.includes('be') && never.text.includes('be'));
    expect(await it.finish(1500, new AbortController().signal)).toBe(1);
    expect(soon.text).toContain('gin');
  });
});
