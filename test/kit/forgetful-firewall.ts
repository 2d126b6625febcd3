import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

export interface Firewall {
  readonly port: number;
  /** Connections that were opened so far. */
  readonly opened: number;
  /** From now on the connections that are open carry nothing any more, and nobody is told. New ones work. */
  forget(): void;
  /** New connections carry nothing either. */
  shut(isShut: boolean): void;
}

/** Passes TCP on to a port of this machine, and may forget connections as a firewall or NAT does with idle ones. */
export async function forgetfulFirewall(target: number): Promise<Firewall> {
  const alive = new Set<Socket>();
  const all = new Set<Socket>();
  let opened = 0;
  let isShut = false;
  const server: Server = createServer((inner) => {
    opened += 1;
    const outer = connect(target, '127.0.0.1');
    for (const socket of [inner, outer]) {
      all.add(socket);
      socket.on('error', () => undefined);
    }
    if (isShut) return;
    alive.add(inner);
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (chunk) => {
        if (alive.has(inner)) to.write(chunk);
      });
      from.on('end', () => {
        if (alive.has(inner)) to.end();
      });
    };
    pass(inner, outer);
    pass(outer, inner);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    for (const socket of all) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return {
    port: (server.address() as AddressInfo).port,
    get opened() {
      return opened;
    },
    forget: () => alive.clear(),
    shut: (now) => {
      isShut = now;
    },
  };
}
