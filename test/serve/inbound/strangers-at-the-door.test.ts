import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';
import { RouteTable } from '../../../src/platform/http-route.ts';
import { pushRoute, triggerRoutes } from '../../../src/serve/inbound/routes.ts';
import { startHttpServer } from '../../../src/serve/server.ts';
import { github, gitlab, PROVIDERS, SECRET } from '../../kit/push-payloads.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { tempDir } from '../../kit/temp.ts';
import { until } from '../../peers/wait.ts';

async function setUp() {
  const dir = tempDir();
  const [secret, token] = [join(dir, 'secret'), join(dir, 'token')];
  writeFileSync(secret, SECRET);
  writeFileSync(token, 'a-token');
  const woken: string[] = [];
  const inbound = {
    followed: () => [{ url: 'https://h/group/app', refs: ['HEAD'] }],
    clock: systemClock,
    log: silentLog,
    wake: (reason: string) => void woken.push(reason),
    syncNow: async () => ({ status: 'synced' as const }),
  };
  const table = new RouteTable([pushRoute(secret, inbound), ...triggerRoutes(token, inbound)]);
  const config = { host: '127.0.0.1', port: 0, metrics: false, profiles: false } as never;
  const server = await startHttpServer({ config, log: silentLog, find: (path) => table.find(path) });
  onTestFinished(async () => await server.close());
  const url = `http://127.0.0.1:${server.port}`;
  const post = async (path: string, headers: Readonly<Record<string, string>>, body = '') =>
    (await fetch(`${url}${path}`, { method: 'POST', headers, body })).status;
  return { ...server, woken, post };
}

/** A request whose body is announced and does not come. @returns what was answered so far */
function stall(port: number, headers: Readonly<Record<string, string>>, announced: number, sent = 0) {
  const socket: Socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const told = { answer: '', isClosed: false };
  socket.on('data', (chunk) => {
    told.answer += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    told.isClosed = true;
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: ${announced}\r\n${lines.join('')}\r\n`);
  if (sent > 0) socket.write(Buffer.alloc(sent, 'x'));
  return told;
}

const forged = {
  'content-type': 'application/json',
  'x-github-event': 'push',
  'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
};
const { headers: genuineGitLab } = gitlab('refs/heads/main', 'group/app');
const without = (headers: Readonly<Record<string, string>>, name: string) =>
  Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name));

describe('POST /push and strangers', () => {
  test.each([
    ['no signature', without(forged, 'x-hub-signature-256'), 401],
    ['a signature that is none', { ...forged, 'x-hub-signature-256': 'sha256=abc' }, 401],
    ['a wrong token', { ...genuineGitLab, 'x-gitlab-token': 'guess' }, 401],
    ['a wrong password', { 'content-type': 'application/json', authorization: 'Basic aG9vazpndWVzcw==' }, 401],
    ['nothing that tells a provider', { 'content-type': 'application/json' }, 401],
    ['another type', { ...forged, 'content-type': 'application/octet-stream' }, 415],
    ['a compressed body', { ...forged, 'content-encoding': 'gzip' }, 415],
    ['an event that is no push', { ...forged, 'x-github-event': 'issues' }, 200],
    ['a genuine event that is no push', { ...genuineGitLab, 'x-gitlab-event': 'Issue Hook' }, 200],
  ])('%s: answered before the body comes, and the connection ends', async (_name, headers, status) => {
    const { port } = await setUp();
    const told = stall(port, headers, 4_000_000, 1000);
    await until(
      () => `an answer: ${told.answer}`,
      () => told.isClosed,
    );
    expect(told.answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('a body that announces too much is refused before it comes', async () => {
    const { port } = await setUp();
    const told = stall(port, forged, 5 * 2 ** 20 + 1);
    await until('an answer', () => told.answer.includes(' 413 '));
  });

  test('a test of the hook says whether the secret is right', async () => {
    const { post } = await setUp();
    const { headers, body } = github('', 'group/app', 'ping');
    expect(await post('/push', headers, body)).toBe(200);
    expect(await post('/push', headers, `${body} `)).toBe(401);
  });

  test('a flood of forged notifications from the same address never makes a genuine one wait or be refused', async () => {
    const { post, woken } = await setUp();
    const statuses = new Set<number>();
    const others = Array.from({ length: 300 }, async () => statuses.add(await post('/push', forged, '{}')));
    for (const make of Object.values(PROVIDERS)) {
      const { headers, body } = make('refs/heads/main', 'group/app');
      expect(await post('/push', headers, body)).toBe(202);
    }
    await Promise.all(others);
    expect(statuses).toEqual(new Set([401, 429]));
    expect(woken.length).toBeGreaterThanOrEqual(Object.keys(PROVIDERS).length);
  });

  test('a large genuine notification passes', async () => {
    const { post } = await setUp();
    const { body } = github('refs/heads/main', 'group/app');
    const large = body.replace('{', `{"filler":"${'x'.repeat(4_000_000)}",`);
    const signature = createHmac('sha256', SECRET).update(large).digest('hex');
    expect(await post('/push', { ...forged, 'x-hub-signature-256': `sha256=${signature}` }, large)).toBe(202);
  });
});

describe('POST /sync and strangers', () => {
  test('a flood of wrong tokens never makes the right one wait or be refused', async () => {
    const { post } = await setUp();
    const guesses = await Promise.all(
      Array.from({ length: 100 }, async () => await post('/sync', { authorization: 'Bearer guess' })),
    );
    expect(new Set(guesses)).toEqual(new Set([401, 429]));
    expect(await post('/sync', { authorization: 'Bearer a-token' })).toBe(202);
  });
});
