import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { type Route, RouteTable } from '../../src/platform/http-route.ts';
import type { RepositoryName } from '../../src/relay/protocol/repository-name.ts';
import type { Principal } from '../../src/relay/server/access/access.ts';
import { WHOLE_VIEW } from '../../src/relay/server/streams/ref-view.ts';
import { answering } from './answering.ts';

const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Serves these routes. @returns the URL, without a slash at its end */
export async function serving(...routes: Route[]): Promise<string> {
  const table = new RouteTable(routes);
  const server = createServer(
    answering(async (request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      const answer = table.find(url.pathname);
      if (answer) await answer(url, request, response);
      else response.writeHead(404).end();
    }),
  );
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One that may read everything, or what `mayRead` says. */
export function principal(
  id: string,
  {
    mayRead = () => true,
    steers = false,
    renewed,
  }: Partial<{
    mayRead: (name: RepositoryName) => boolean;
    steers: boolean;
    renewed: () => Principal | undefined;
  }> = {},
): Principal {
  const it: Principal = {
    id,
    mayRead,
    viewOf: () => WHOLE_VIEW,
    namesOf: () => ({ id: '', allows: () => true }),
    maySteer: () => steers,
    renewed: renewed ?? (() => it),
  };
  return it;
}
