import { createServer } from 'node:net';
import { messageOf, systemCode } from '../model/error.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, wrong } from './finding.ts';

interface Address {
  readonly host: string | undefined;
  readonly port: number;
}

async function tryToListen({ host, port }: Address): Promise<void> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen({ port, ...(host !== undefined && { host }) }, done);
  });
  await new Promise((done) => server.close(done));
}

/** Whether the address of an option can be listened on. */
export function checkPort(examination: Examination, option: string, address: Address | undefined): Check {
  const port = address?.port ?? 0;
  return examination.check({
    name: 'port',
    target: address === undefined ? option : `${option} ${address.host ?? ''}:${port}`,
    look: async () => {
      if (!address) return none('it is not set');
      try {
        await tryToListen(address);
        return ok('it is free');
      } catch (error) {
        const code = systemCode(error);
        if (code === 'EADDRINUSE')
          return wrong(
            'another process listens there, perhaps the one that this set-up is of',
            `see which (\`ss -ltnp 'sport = :${port}'\`) and end it, or choose another port in \`${option}\``,
          );
        if (code === 'EACCES')
          return wrong('this user may not listen there (EACCES)', `choose a port from 1024 up in \`${option}\``);
        if (code === 'EADDRNOTAVAIL')
          return wrong('this machine does not have that address', `leave the host out in \`${option}\`: \`:${port}\``);
        return wrong(messageOf(error), `correct \`${option}\``);
      }
    },
  });
}
