import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { callWebhook } from '../../src/notify/webhook.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import { askPassword } from '../../src/remote/askpass.ts';
import { rawServer } from '../kit/raw-server.ts';

const signal = new AbortController().signal;
const client = new HttpClient({});
const hook = (url: URL, method = 'POST') => ({
  ...{ url: url.href, method, successStatus: 200, sendHash: true },
  ...{ timeoutMs: 20_000, backoffMs: 1000 },
});
const CREDENTIAL = 'username=me\npassword=secret\n';

/** How small programs end a connection. */
const ENDINGS: readonly [string, (socket: Socket, text: string) => void][] = [
  ['ends it', (socket, text) => socket.end(text)],
  ['cuts it (connection reset)', (socket, text) => socket.write(text, () => socket.resetAndDestroy())],
  ['leaves it open', (socket, text) => socket.write(text)],
];

describe('a webhook receiver that is a small script', () => {
  test.each(ENDINGS)('and %s behind its answer is content', async (_how, end) => {
    const server = await rawServer((socket) => end(socket, 'HTTP/1.0 200\n\n'));
    await callWebhook(hook(server.url), client, { oid: 'a'.repeat(40) } as never, signal);
    expect(server.questions).toHaveLength(1);
    expect(server.questions[0]).toMatch(/^POST \/path\?query=1 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/);
    expect(server.questions[0]).toMatch(/\r\ngitsync-hash: a{40}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n$/);
  });

  test('a status that is not the wanted one is one', async () => {
    const server = await rawServer((socket) => socket.end('HTTP/1.0 500 no\n\n'));
    await expect(callWebhook(hook(server.url), client, { oid: 'a' } as never, signal)).rejects.toMatchObject({
      code: 'ERR_NOTIFY_WEBHOOK',
      detail: 'the answer has status 500, wanted 200',
    });
  });

  test.each([
    ['says nothing and ends', (socket: Socket) => void socket.end(), /closed before the answer was complete/],
    ['cuts the connection', (socket: Socket) => void socket.resetAndDestroy(), /ECONNRESET|closed before/],
    ['answers in another protocol', (socket: Socket) => void socket.end('220 ftp\r\n\r\n'), /begins with "220 ftp"/],
  ])('one that %s is a failure that says so', async (_what, end, detail) => {
    const server = await rawServer(end);
    await expect(callWebhook(hook(server.url), client, { oid: 'a' } as never, signal)).rejects.toMatchObject({
      code: 'ERR_NOTIFY_WEBHOOK',
      detail: expect.stringMatching(detail) as string,
    });
  });
});

describe('a credential service that is a small script', () => {
  test.each(ENDINGS.slice(0, 2))('and %s behind `username=` and `password=` lines is understood', async (_how, end) => {
    const server = await rawServer((socket) => end(socket, `HTTP/1.0 200 OK\n\n${CREDENTIAL}`));
    expect(await askPassword(server.url.href, client, signal)).toEqual({ username: 'me', password: 'secret' });
    expect(server.questions[0]).toMatch(/^GET /);
    expect(server.questions[0]).not.toContain('content-length');
  });

  test('and announces a length need not end the connection', async () => {
    const text = `HTTP/1.1 200 OK\ncontent-length: ${CREDENTIAL.length}\n\n${CREDENTIAL}`;
    const server = await rawServer((socket) => socket.write(text));
    expect(await askPassword(server.url.href, client, signal)).toEqual({ username: 'me', password: 'secret' });
  });

  test('one that is cut off before the announced length is refused', async () => {
    const server = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\ncontent-length: 99\n\nusername=me\n'));
    await expect(askPassword(server.url.href, client, signal)).rejects.toMatchObject({
      code: 'ERR_REMOTE_CREDENTIAL_SOURCE',
      detail: 'the connection was cut before the answer was complete',
    });
  });
});

describe('a question', () => {
  test('ends with its signal, whatever the server does', async () => {
    const server = await rawServer((socket) => socket.write('HTTP/1.1 200 OK\nContent-Length: 5\n\nab'));
    const stopping = new AbortController();
    const asked = client.askForText({ method: 'GET', url: server.url, signal: stopping.signal });
    asked.catch(() => undefined);
    while (server.questions.length === 0) await new Promise(setImmediate);
    stopping.abort();
    await expect(asked).rejects.toMatchObject({ code: 'ERR_REMOTE_UNREACHABLE', detail: 'no complete answer in time' });
  });

  test('with a line end in a header is not sent', async () => {
    const server = await rawServer((socket) => socket.end('HTTP/1.0 200 OK\n\n'));
    const headers = { 'x-a': 'b\r\nx-c: d' };
    await expect(client.ask({ method: 'GET', url: server.url, headers, signal })).rejects.toThrow('line end');
    expect(server.questions.join('')).toBe('');
  });
});
