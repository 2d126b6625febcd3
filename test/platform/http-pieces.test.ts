import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { sendPieces } from '../../src/platform/http-pieces.ts';
import { until } from '../peers/wait.ts';

const open: (Server | Socket)[] = [];

afterEach(() => {
  for (const each of open.splice(0)) 'destroy' in each ? each.destroy() : each.close();
});

async function serve(answer: (response: ServerResponse) => void): Promise<number> {
  const server = createServer((_request, response) => answer(response));
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

/** A client that asks and reads nothing. */
function askAndStop(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  open.push(socket);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return socket;
}

const PIECE = 'x'.repeat(4000);

/** So many pieces, and how many of them were made. */
function countedPieces(most: number): { readonly made: () => number; readonly pieces: Iterable<string> } {
  let made = 0;
  const pieces = (function* () {
    for (; made < most; made += 1) yield PIECE;
  })();
  return { made: () => made, pieces };
}

describe('an answer in pieces', () => {
  test('arrives whole', async () => {
    const port = await serve(
      (response) => void sendPieces(response, ['a', PIECE.repeat(30), 'z'], { pieceMs: 9e4, wholeMs: 9e4 }),
    );
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe(`a${PIECE.repeat(30)}z`);
  });

  test('a reader that does not read holds little memory and loses its connection', async () => {
    const { made, pieces } = countedPieces(1_000_000);
    let unsent = 0;
    let whole: boolean | undefined;
    const port = await serve(async (response) => {
      response.on('close', () => {
        unsent = response.writableLength;
      });
      whole = await sendPieces(response, pieces, { pieceMs: 200, wholeMs: 60_000 });
    });
    askAndStop(port);
    await until('the reader is let go', () => whole === false, 30_000);
    // What the buffers of the sockets took, not the four gigabytes of the answer.
    expect(made() * PIECE.length).toBeLessThan(64 * 2 ** 20);
    expect(unsent).toBeLessThan(2 ** 20);
  });

  test('an answer that takes too long as a whole is ended', async () => {
    let whole: boolean | undefined;
    const port = await serve(async (response) => {
      whole = await sendPieces(response, countedPieces(1_000_000).pieces, { pieceMs: 60_000, wholeMs: 300 });
    });
    await expect(fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text())).rejects.toThrow();
    expect(whole).toBe(false);
  });
});
