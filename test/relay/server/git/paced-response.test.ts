import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { PacedResponse, type PaceLimits } from '../../../../src/relay/server/git/paced-response.ts';
import { until } from '../../../peers/wait.ts';

const open: (Server | Socket)[] = [];

afterEach(() => {
  for (const each of open.splice(0)) {
    if ('destroy' in each) each.destroy();
    else {
      each.closeAllConnections();
      each.close();
    }
  }
});

const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** A server that writes chunks without end, and what became of it. */
async function setUp(limits: PaceLimits) {
  const state = { written: 0, isOver: false };
  const server = createServer((_request, response: ServerResponse) => {
    response.writeHead(200);
    const reader = new PacedResponse(response, limits);
    void (async () => {
      while (await reader.write(CHUNK)) state.written += 1;
      state.isOver = true;
    })();
  });
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  open.push(socket);
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return { state, socket };
}

describe('a reader of a fetch', () => {
  test('that takes nothing is cut off', async () => {
    const { state, socket } = await setUp({ silentMs: 200, windowMs: 60_000, leastBytesPerSecond: 1 });
    socket.pause();
    await until('it is cut off', () => state.isOver);
    expect(state.written * CHUNK.length).toBeLessThan(64 * 2 ** 20);
  });

  test('that takes less than the least rate is cut off, however steadily', async () => {
    const { state, socket } = await setUp({ silentMs: 60_000, windowMs: 300, leastBytesPerSecond: 1e12 });
    socket.on('data', () => {
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    await until('it is cut off', () => state.isOver);
  });

  test('that is slow but honest is not', async () => {
    const { state, socket } = await setUp({ silentMs: 20_000, windowMs: 100, leastBytesPerSecond: 32 * 1024 });
    socket.on('data', () => {
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    await until('it has taken much', () => state.written > 300, 60_000);
    expect(state.isOver).toBe(false);
  });

  test('that goes away is noticed at once', async () => {
    const { state, socket } = await setUp({ silentMs: 60_000, windowMs: 60_000, leastBytesPerSecond: 1 });
    socket.pause();
    await until('it has something', () => state.written > 0);
    socket.destroy();
    await until('it is over', () => state.isOver);
  });
});
