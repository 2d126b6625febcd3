import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { freePort } from '../peers/ports.ts';
import { selfSigned } from './self-signed.ts';

/** The ways in which an HTTP server fails whoever asks it. */
export const HTTP_FAILURES = ['refused', 'tls', 'timeout', 500, 401] as const;
export type HttpFailure = (typeof HTTP_FAILURES)[number];

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}

/** @returns the URL of a server that fails in this way, without a slash at the end */
export async function failingServer(failure: HttpFailure): Promise<string> {
  if (failure === 'refused') return `http://127.0.0.1:${await freePort()}`;
  if (failure === 'tls') {
    const server = createHttpsServer(selfSigned(), (_request, response) => void response.end());
    return `https://127.0.0.1:${await listen(server)}`;
  }
  if (failure === 'timeout') return `http://127.0.0.1:${await listen(createTcpServer((socket) => socket.resume()))}`;
  const server = createHttpServer((_request, response) => void response.writeHead(failure).end('no'));
  return `http://127.0.0.1:${await listen(server)}`;
}
