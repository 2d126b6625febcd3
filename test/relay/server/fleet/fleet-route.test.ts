import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { RouteTable } from '../../../../src/platform/http-route.ts';
import type { RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import type { Doorkeeper } from '../../../../src/relay/server/access/doorkeeper.ts';
import { Fleet } from '../../../../src/relay/server/fleet/fleet.ts';
import type { FleetDocument } from '../../../../src/relay/server/fleet/fleet-document.ts';
import { fleetRoute } from '../../../../src/relay/server/fleet/fleet-route.ts';
import { WHOLE_VIEW } from '../../../../src/relay/server/streams/ref-view.ts';
import { probeRoutes } from '../../../../src/serve/routes.ts';
import { answering } from '../../../kit/answering.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { oid, REPOSITORY } from '../../../kit/relay-fakes.ts';
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

/** A relay's overview of so many instances. Who asks is named by the header `who`. */
async function overviewOf(instances: number): Promise<{ readonly port: number; readonly url: string }> {
  const fleet = new Fleet({
    clock: new HandClock(),
    follower: () => undefined,
    onFollowed: () => undefined,
    mostSubscribers: 2 * instances + 10,
  });
  const published = { ref: 'refs/heads/main', oid: oid('1'), at: 1 };
  for (let index = 0; index < instances; index += 1) {
    const report = { stream: `${index}`, replaces: undefined, instance: `pod-${index}`, published, running: published };
    fleet.join('me', REPOSITORY, report);
  }
  const doorkeeper = {
    identify: ({ headers }) => ({
      id: String(headers.who),
      mayRead: (_name: RepositoryName) => true,
      namesOf: () => ({ id: '', allows: () => true }),
      maySteer: () => false,
      viewOf: () => WHOLE_VIEW,
      renewed: () => undefined,
    }),
  } satisfies Pick<Doorkeeper, 'identify'> as unknown as Doorkeeper;
  const probes = probeRoutes(() => ({ ok: true, text: 'ok' }));
  const table = new RouteTable([...probes, fleetRoute({ doorkeeper, fleet })]);
  const server = createServer(
    answering(async (request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      await table.find(url.pathname)?.(url, request, response);
    }),
  );
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

/** Asks for the overview and reads its beginning only. */
async function startReading(port: number, who: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  open.push(socket);
  socket.write(`GET /fleet HTTP/1.1\r\nhost: x\r\nwho: ${who}\r\n\r\n`);
  let head = '';
  socket.on('data', (chunk: Buffer) => {
    head += chunk.toString();
    socket.pause();
  });
  return await until('the answer begins', () => /^HTTP\/1.1 (\d+)/.exec(head)?.[1]);
}

describe('GET /fleet', () => {
  test('probes are answered while 20 clients are in the middle of an overview of 10,000', async () => {
    const { port, url } = await overviewOf(10_000);
    const codes = await Promise.all(Array.from({ length: 20 }, () => startReading(port, 'me')));
    expect(new Set(codes)).toEqual(new Set(['200']));
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok\n');
    const whole = (await (await fetch(`${url}/fleet`, { headers: { who: 'me' } })).json()) as FleetDocument;
    expect(whole.repositories[0]?.instances).toHaveLength(10_000);
    expect(whole.next).toBeNull();
  });

  test('one that leaves many overviews half-read keeps nobody else from reading', async () => {
    const { port, url } = await overviewOf(10_000);
    const codes = [];
    for (let index = 0; index < 40; index += 1) codes.push(await startReading(port, 'greedy'));
    expect(codes.filter((code) => code === '200')).toHaveLength(32);
    expect(codes.at(-1)).toBe('503');
    expect((await fetch(`${url}/fleet?limit=1`, { headers: { who: 'me' } })).status).toBe(200);
  });

  test('it comes in pages, and a page that cannot be is refused', async () => {
    const { url } = await overviewOf(25);
    const seen: string[] = [];
    let after = '';
    for (let pages = 0; pages < 3; pages += 1) {
      const page = (await (await fetch(`${url}/fleet?limit=10${after}`)).json()) as FleetDocument;
      seen.push(...page.repositories.flatMap(({ instances }) => instances.map(({ instance }) => instance)));
      after = `&after=${page.next}`;
    }
    expect(after).toBe('&after=null');
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `pod-${index}`));
    for (const query of ['limit=0', 'limit=x', 'limit=10001', 'limit=1e3', 'after=', 'after=zzz'])
      expect((await fetch(`${url}/fleet?${query}`)).status, query).toBe(400);
  });
});
