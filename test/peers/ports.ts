import { connect, createServer } from 'node:net';
import { until } from './wait.ts';

/** Below the ports that Linux gives to whoever asks for any (ip(7), ip_local_port_range). */
const FIRST = 10_000;
const COUNT = 20_000;
/** Coprime with the count, so that processes that started one after the other are far apart. */
const STRIDE = 7919;

let given = 0;

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

/** A port on loopback that is free, and that nobody gets by chance before the test uses it. */
export async function freePort(): Promise<number> {
  for (;;) {
    given += 1;
    const port = FIRST + ((process.pid * STRIDE + given) % COUNT);
    if (await isFree(port)) return port;
  }
}

/** Resolves once something accepts connections on `port`. */
export async function listening(port: number): Promise<void> {
  await until(
    `port ${port} accepts connections`,
    () =>
      new Promise<boolean>((done) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('connect', () => {
          socket.destroy();
          done(true);
        });
        socket.once('error', () => done(false));
      }),
  );
}
