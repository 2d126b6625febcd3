import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RawServer {
  readonly url: URL;
  /** What clients sent, in the order of their connections. */
  readonly questions: string[];
}

/** A server that answers whatever it is asked with bytes of the test's choice. */
export async function rawServer(answer: (socket: Socket) => void): Promise<RawServer> {
  const questions: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    const number = questions.push('') - 1;
    let isAnswered = false;
    socket.on('data', (chunk: Buffer) => {
      questions[number] += chunk.toString('latin1');
      if (isAnswered || !questions[number]?.includes('\r\n\r\n')) return;
      isAnswered = true;
      answer(socket);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { url: new URL(`http://127.0.0.1:${address.port}/path?query=1`), questions };
}
