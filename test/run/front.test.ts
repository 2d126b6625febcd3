import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
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
  const made = await Front.listen({ host: '127.0.0.1', port: 0 });
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
