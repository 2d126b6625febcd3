import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../src/run/instance.ts';
import { fixture } from '../kit/setup.ts';
import { Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';

const get = (target: string, ...headers: string[]): string =>
  `GET ${target} HTTP/1.1\r\n${['host: x', ...headers].join('\r\n')}\r\nconnection: close\r\n\r\n`;

/** What scanners, browsers, proxies and broken clients send. */
const JUNK: Readonly<Record<string, string>> = {
  'two slashes': get('//'),
  'two slashes and a host': get('//evil.example/push'),
  'many slashes': get('/////'),
  'a bracket for a host': get('//[/x'),
  'a port that is none': get('//h:99999999/'),
  'a whole URL': get('http://evil.example/push'),
  'a whole URL that is none': get('http://[::1/push'),
  'a URL of another scheme': get('gopher://evil.example/'),
  'an asterisk': 'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  'no slash': get('push'),
  'a lone percent sign': get('/%'),
  'a percent sign and no digits': get('/git/%zz/%c0%af/info/refs?service=git-upload-pack'),
  'a NUL in a path': get('/%00'),
  'a way up': get('/../../etc/passwd'),
  'an encoded way up': get('/git/%2e%2e%2f%2e%2e/etc/passwd'),
  'a query that is none': get('/sync?wait=%zz&commit=%'),
  'events with a query that is none': get('/events?repo=%zz%00&ref=%zz'),
  'a very long path': get(`/${'a'.repeat(8000)}`),
  'no Host': 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n',
  'two Hosts': get('/', 'host: y'),
  'a Host that is none': 'GET / HTTP/1.1\r\nhost: a b[]\r\nconnection: close\r\n\r\n',
  'an empty Host': 'GET / HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n',
  CONNECT: 'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n',
  'an upgrade':
    'GET /push HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n',
  'an upgrade to HTTP/2':
    'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: x\r\n\r\n',
  'HTTP/2 itself': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'HTTP/0.9': 'GET /\r\n\r\n',
  'HTTP/1.0': 'GET // HTTP/1.0\r\n\r\n',
  'a version that is none': 'GET / HTTP/9.9\r\n\r\n',
  'a method that is none': 'HACK / HTTP/1.1\r\nhost: x\r\n\r\n',
  'headers without an end of size': get('/', `x: ${'a'.repeat(100_000)}`),
  'a thousand headers': get('/', ...Array.from({ length: 3000 }, (_, index) => `x${index}: y`)),
  'a header that is none': get('/', 'no colon'),
  'an expectation nobody meets': get('/push', 'expect: 200-ok'),
  'both kinds of length':
    'POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'a length that is none': 'POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
  'a chunk that is none': 'POST /push HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
  'a reader that leaves in the middle of a body':
    'POST /push HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\ncontent-length: 100\r\n\r\n{',
  'a signed one that leaves in the middle': `POST /push HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\nx-hub-signature-256: ${'0'.repeat(64)}\r\ncontent-length: 100\r\n\r\n{`,
  'an authorization that is none': get('/sync', 'authorization: Basic \x80\x81', 'authorization: Bearer'),
  TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  SSH: 'SSH-2.0-OpenSSH_9.2\r\n',
  'nothing but line ends': '\r\n\r\n\r\n\r\n',
  bytes: '\x00\xff\x00\xff\x00\xff',
};

/** Sends, closes its end, and resolves with the answer when the connection ends, or after a while. */
async function send(port: number, text: string): Promise<string> {
  return await new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.from(text, 'latin1')));
    const timer = setTimeout(() => socket.destroy(), 3000);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

async function survive(port: number, process: Sidecar): Promise<void> {
  for (const [name, text] of Object.entries(JUNK)) {
    const answer = await send(port, text);
    expect(answer, name).not.toMatch(/^HTTP\/1.1 5(?!03)/);
  }
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  const errors = process.logs.filter((line) => line.level === 'ERROR' || line.error !== undefined);
  expect(errors).toEqual([]);
  expect(process.stderr).not.toMatch(/Invalid URL|URIError|TypeError|\(node:\d+\)/);
  expect(process.child.exitCode).toBeNull();
}

describe('requests that mean nothing', () => {
  test('at a sidecar they are no error, and write no error file', async () => {
    const it = fixture();
    const [secret, token, errorFile] = ['secret', 'token', 'error.json'].map((name) => join(it.dir, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(secret, 'a shared secret');
    writeFileSync(token, 'a-token');
    const port = await findFreePort();
    const process = sidecar([
      ...[...it.args, '--period=1h', `--http-bind=127.0.0.1:${port}`, '--http-metrics', '--http-pprof', '-v=2'],
      ...[`--push-secret-file=${secret}`, `--sync-token-file=${token}`, `--error-file=${errorFile}`],
    ]);
    await untilPublished(it.link, it.first, process);
    await survive(port, process);
    expect(existsSync(errorFile)).toBe(false);
  });

  test('at a relay they are no error', async () => {
    const it = fixture();
    const token = join(it.dir, 'token');
    writeFileSync(token, 'a-token');
    const port = await findFreePort();
    const process = new Sidecar(
      [
        ...[
          'relay',
          `--root=${join(it.dir, 'relay')}`,
          `--http-bind=127.0.0.1:${port}`,
          '--allow=https://h.invalid/**',
        ],
        ...[`--push-secret-file=${token}`, `--sync-token-file=${token}`, '-v=2'],
      ],
      {},
      { command: 'git-sidecar' },
    );
    onTestFinished(() => void process.kill());
    await process.logged('serving HTTP');
    await survive(port, process);
  });
});
