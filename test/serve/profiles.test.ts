import { writeFileSync } from 'node:fs';
import { type ClientRequest, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { comesFromHere } from '../../src/serve/profile-access.ts';
import { Profiles } from '../../src/serve/profiles.ts';
import { profilesRoute } from '../../src/serve/routes.ts';
import { tempDir } from '../kit/temp.ts';

const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(tokenFile?: string): Promise<number> {
  const { answer } = profilesRoute(new Profiles(), tokenFile);
  const server = createServer(
    (incoming, response) => void answer(new URL(incoming.url ?? '', 'http://x'), incoming, response),
  );
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
): { asked: ClientRequest; status: Promise<number> } {
  const asked = request({ host: '127.0.0.1', port, path: `/debug/pprof/${path}`, headers });
  const status = new Promise<number>((resolve, reject) => {
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', reject);
  });
  asked.end();
  return { asked, status };
}

const from = (remoteAddress: string, headers: Record<string, string>) =>
  comesFromHere({ socket: { remoteAddress } as never, headers });

describe('profiles, which hold whatever is in memory', () => {
  test.each([
    ['127.0.0.1', { host: 'localhost:1234' }],
    ['127.8.0.1', { host: '127.0.0.1:1234' }],
    ['::1', { host: '[::1]:1234' }],
    ['::ffff:127.0.0.1', { host: '127.0.0.1' }],
  ])('a program of this machine gets them: %s %j', (address, headers) => expect(from(address, headers)).toBe(true));

  test.each([
    ['10.0.0.7', { host: 'localhost' }],
    ['fd00::1', { host: '[::1]' }],
    ['::ffff:10.0.0.7', { host: '127.0.0.1' }],
    ['', { host: 'localhost' }],
    ['127.0.0.1', {}],
    ['127.0.0.1', { host: 'rebound.example' }],
    ['127.0.0.1', { host: 'localhost.example:1234' }],
    ['127.0.0.1', { host: '10.0.0.7:1234' }],
    ['127.0.0.1', { host: 'localhost', 'x-forwarded-for': '10.0.0.7' }],
    ['127.0.0.1', { host: 'localhost', forwarded: 'for=10.0.0.7' }],
    ['127.0.0.1', { host: 'localhost', via: '1.1 mesh' }],
  ])('somebody else gets none: %s %j', (address, headers) => expect(from(address, headers)).toBe(false));

  test('somebody who comes through a proxy is refused every one of them, and is served with the token', async () => {
    const file = join(tempDir(), 'token');
    writeFileSync(file, 'the-token\n');
    const [port, closed] = [await serve(file), await serve()];
    const proxied = { 'x-forwarded-for': '10.0.0.7' };
    for (const path of ['', 'heap', 'profile?seconds=1', 'allocs?seconds=1', 'cmdline', 'nope'])
      expect(await ask(port, path, proxied).status, path).toBe(403);
    expect(await ask(port, 'cmdline', { ...proxied, authorization: 'Bearer the-token' }).status).toBe(200);
    expect(await ask(port, 'cmdline', { ...proxied, authorization: 'Bearer the-tokem' }).status).toBe(403);
    expect(await ask(closed, 'cmdline', { ...proxied, authorization: 'Bearer the-token' }).status).toBe(403);
    writeFileSync(file, '\n');
    expect(await ask(port, 'cmdline', { ...proxied, authorization: 'Bearer x' }).status).toBe(403);
  });

  test('one profile is made at a time', async () => {
    const port = await serve();
    const answers = [ask(port, 'profile?seconds=4', {}), ask(port, 'profile?seconds=4', {}), ask(port, 'heap', {})];
    const statuses = await Promise.all(answers.map(async ({ status }) => await status));
    expect(statuses.sort()).toEqual([200, 409, 409]);
    expect(await ask(port, 'cmdline', {}).status).toBe(200);
  });
});
