import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import { listRefs } from '../../src/poll/http-poll.ts';
import { readLsRemote } from '../../src/poll/ls-remote.ts';
import { allRefs } from '../../src/poll/read-refs.ts';
import { readRetryAfter } from '../../src/remote/http-failure.ts';
import { NotNative } from '../../src/remote/not-native.ts';
import { UploadPack } from '../../src/remote/upload-pack.ts';
import { dataPacket, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';
import { httpStub, type Request } from '../kit/http-stub.ts';

const OID = 'a'.repeat(40);
const ADVERTISEMENT = Buffer.concat([
  dataPacket('# service=git-upload-pack'),
  FLUSH_PACKET,
  dataPacket('version 2'),
  dataPacket('ls-refs=unborn'),
  dataPacket('object-format=sha1'),
  FLUSH_PACKET,
]);
const REFS = Buffer.concat([dataPacket(`${OID} refs/heads/main`), FLUSH_PACKET]);
const SETTINGS = {
  verify: true,
  caFile: undefined,
  clientCertificate: undefined,
  proxy: undefined,
  extraHeaders: [],
  cookieFile: undefined,
  userAgent: undefined,
  followRedirects: 'initial' as const,
};

const advertise = (
  response: ServerResponse,
  body = ADVERTISEMENT,
  type = 'application/x-git-upload-pack-advertisement',
) => void response.writeHead(200, { 'content-type': type }).end(body);
const answerRefs = (response: ServerResponse, body = REFS) =>
  void response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }).end(body);

async function setUp(answer: (request: Request, response: ServerResponse) => void) {
  const stub = await httpStub(answer);
  const poll = new UploadPack({ url: `${stub.url}/repo.git`, settings: SETTINGS, agent: 'test', now: Date.now });
  const ask = (credentials: { url: string; username: string; password: string }[] = []) =>
    listRefs(poll, ['refs/heads/main'], credentials, AbortSignal.timeout(2000), allRefs);
  return { stub, poll, ask };
}

describe('the native poll', () => {
  test('with several questions at once, each that was refused without a credential is asked again with it', async () => {
    const refused: ServerResponse[] = [];
    const { stub, ask } = await setUp((request, response) => {
      if (request.headers.authorization !== undefined)
        return request.method === 'GET' ? advertise(response) : answerRefs(response);
      // All of them are asked before the first is refused.
      refused.push(response);
      if (refused.length === 3) for (const each of refused) each.writeHead(401).end();
    });
    const credentials = [{ url: stub.url, username: 'me', password: 'secret' }];
    const answers = await Promise.all([ask(credentials), ask(credentials), ask(credentials)]);
    for (const refs of answers) expect(refs).toEqual([{ name: 'refs/heads/main', oid: OID }]);
  });

  test('asks once what the server can do; from then on a poll is one POST', async () => {
    const { stub, ask } = await setUp((request, response) =>
      request.method === 'GET' ? advertise(response) : answerRefs(response),
    );
    for (let times = 0; times < 3; times += 1) expect(await ask()).toEqual([{ name: 'refs/heads/main', oid: OID }]);
    expect(stub.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /repo.git/info/refs?service=git-upload-pack',
      'POST /repo.git/git-upload-pack',
      'POST /repo.git/git-upload-pack',
      'POST /repo.git/git-upload-pack',
    ]);
    expect(stub.requests[1]?.headers['git-protocol']).toBe('version=2');
    expect(stub.requests[1]?.body).toContain('ref-prefix refs/heads/main');
  });

  test('credentials are sent when asked for, and from then on at once', async () => {
    const { stub, ask } = await setUp((request, response) => {
      if (request.headers.authorization !== `Basic ${Buffer.from('u:p').toString('base64')}`)
        return void response.writeHead(401).end();
      return request.method === 'GET' ? advertise(response) : answerRefs(response);
    });
    const credentials = [{ url: stub.url, username: 'u', password: 'p' }];
    await ask(credentials);
    await ask(credentials);
    expect(stub.requests.map(({ headers }) => headers.authorization !== undefined)).toEqual([false, true, true, true]);
  });

  test.each([
    ['a refusal', 401, {}],
    ['a redirect', 302, { location: '/elsewhere/repo.git/info/refs?service=git-upload-pack' }],
  ])('goes on after %s over the connection that it came on, when its page is short', async (_what, status, headers) => {
    const { stub, ask } = await setUp((request, response) => {
      if (stub.requests.length > 1) return request.method === 'GET' ? advertise(response) : answerRefs(response);
      response.writeHead(status, { ...headers, 'content-type': 'text/html' });
      response.write('<h1>a page');
      setTimeout(() => response.end('</h1>'), 20);
    });
    await ask([{ url: stub.url, username: 'u', password: 'p' }]);
    expect([stub.requests.length, stub.connections()]).toEqual([3, 1]);
  });

  test('does not wait for a page that does not end', async () => {
    const { stub, ask } = await setUp((request, response) => {
      if (request.headers.authorization !== undefined)
        return request.method === 'GET' ? advertise(response) : answerRefs(response);
      response.writeHead(401).write('<h1>');
    });
    expect(await ask([{ url: stub.url, username: 'u', password: 'p' }])).toHaveLength(1);
    expect(stub.connections()).toBe(2);
  });

  test('a server that changed is asked anew what it can do', async () => {
    let upgraded = false;
    const { stub, ask } = await setUp((request, response) => {
      if (request.method === 'GET') return advertise(response);
      if (upgraded && stub.requests.filter(({ method }) => method === 'GET').length < 2)
        return void response.writeHead(404).end();
      return answerRefs(response);
    });
    await ask();
    upgraded = true;
    expect(await ask()).toHaveLength(1);
    expect(stub.requests.filter(({ method }) => method === 'GET')).toHaveLength(2);
  });

  test('a kept-alive connection that the server closed meanwhile is opened again without an error', async () => {
    const { stub, ask } = await setUp((request, response) =>
      request.method === 'GET' ? advertise(response) : answerRefs(response),
    );
    await ask();
    for (let times = 0; times < 3; times += 1) {
      stub.dropConnections();
      expect(await ask()).toHaveLength(1);
    }
  });

  test.each([
    [
      'protocol v0',
      (response: ServerResponse) =>
        advertise(
          response,
          Buffer.concat([
            dataPacket('# service=git-upload-pack'),
            FLUSH_PACKET,
            dataPacket(`${OID} HEAD\0agent=x`),
            FLUSH_PACKET,
          ]),
        ),
    ],
    ['a login page', (response: ServerResponse) => advertise(response, Buffer.from('<html>'), 'text/html')],
    ['credentials that nobody gave', (response: ServerResponse) => void response.writeHead(401).end()],
    [
      'a redirect to what is no URL',
      (response: ServerResponse) => void response.writeHead(302, { location: 'https://[' }).end(),
    ],
    [
      'a redirect to another form of URL',
      (response: ServerResponse) => void response.writeHead(302, { location: '/login' }).end(),
    ],
  ])('%s is left to git', async (_name, answer) => {
    const { ask } = await setUp((_request, response) => answer(response));
    await expect(ask()).rejects.toBeInstanceOf(NotNative);
  });

  test.each([
    [403, 'ERR_REMOTE_AUTH'],
    [404, 'ERR_REMOTE_NOT_FOUND'],
    [429, 'ERR_REMOTE_BUSY'],
    [503, 'ERR_REMOTE_BUSY'],
    [500, 'ERR_REMOTE_UNREACHABLE'],
  ])('status %i is %s', async (status, code) => {
    const { ask } = await setUp((_request, response) => void response.writeHead(status, { 'retry-after': '7' }).end());
    await expect(ask()).rejects.toMatchObject({ code, retryAfterMs: 7000 });
  });

  test.each([
    ['cut off', REFS.subarray(0, 20)],
    ['without the end', REFS.subarray(0, REFS.length - 4)],
    ['not git at all', Buffer.from('hello there, friend')],
    ['an ERR packet', Buffer.concat([dataPacket('ERR access denied'), FLUSH_PACKET])],
    ['a zero oid', Buffer.concat([dataPacket(`${'0'.repeat(40)} refs/heads/main`), FLUSH_PACKET])],
  ])('an answer that is %s is a typed error, never an empty list of refs', async (_name, body) => {
    const { ask } = await setUp((request, response) =>
      request.method === 'GET' ? advertise(response) : answerRefs(response, body),
    );
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_REMOTE_PROTOCOL' });
  });

  test('nobody listening is a typed error', async () => {
    const poll = new UploadPack({ url: 'http://127.0.0.1:1/x', settings: SETTINGS, agent: 'test', now: Date.now });
    await expect(listRefs(poll, ['x'], [], AbortSignal.timeout(2000), allRefs)).rejects.toMatchObject({
      code: 'ERR_REMOTE_UNREACHABLE',
    });
  });
});

test('Retry-After: seconds or a date, bounded', () => {
  expect(readRetryAfter('5', 0)).toBe(5000);
  expect(readRetryAfter('Thu, 01 Jan 1970 00:00:09 GMT', 1000)).toBe(8000);
  expect(readRetryAfter('999999', 0)).toBe(3_600_000);
  expect(readRetryAfter('soon', 0)).toBeUndefined();
  expect(readRetryAfter(undefined, 0)).toBeUndefined();
});

test('git ls-remote’s lines, peeled tags folded in', () => {
  expect([...readLsRemote(`${OID}\trefs/tags/v1\n${'b'.repeat(40)}\trefs/tags/v1^{}\n`)]).toEqual([
    { name: 'refs/tags/v1', oid: OID, peeledOid: 'b'.repeat(40) },
  ]);
  expect(() => [...readLsRemote('warning: something\n')]).toThrow(SidecarError);
});
