import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

export interface Proxy {
  /** `host:port`. */
  readonly address: string;
  /** One line a request: `CONNECT host:port agent` or `GET url agent`. */
  readonly seen: string[];
}

/** A forward proxy that wants `Proxy-Authorization` for `pair`: CONNECT for https, absolute URLs for http. */
export async function proxy(pair: string): Promise<Proxy> {
  const seen: string[] = [];
  const wanted = `Basic ${Buffer.from(pair).toString('base64')}`;
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url} ${incoming.headers['user-agent'] ?? ''}`);
    if (incoming.headers['proxy-authorization'] !== wanted)
      return void response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
    const onward = request(incoming.url ?? '', { method: incoming.method, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  });
  server.on('connect', (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url} ${incoming.headers['user-agent'] ?? ''}`);
    if (incoming.headers['proxy-authorization'] !== wanted) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\nProxy-Connection: close\r\n\r\n',
      );
      return;
    }
    const [host, port] = (incoming.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    for (const end of [onward, socket])
      end.on('error', () => {
        onward.destroy();
        socket.destroy();
      });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
