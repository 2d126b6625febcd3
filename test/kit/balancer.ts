import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';

const open: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

afterEach(() => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

/** What a Kubernetes Service does: each connection goes to the next of several ports. */
export async function balancer(ports: readonly number[]): Promise<{ readonly url: string; readonly ports: number[] }> {
  const targets = [...ports];
  const sockets = new Set<Socket>();
  let next = 0;
  const server = createServer((from) => {
    const to = connect(targets[next % targets.length] ?? 0, '127.0.0.1');
    next += 1;
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        from.destroy();
        to.destroy();
      });
      socket.on('error', () => undefined);
    }
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  open.push({ server, sockets });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ports: targets };
}
