import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withoutDefaultCertificates } from '../../src/config/process-input.ts';
import { askOnce } from '../../src/platform/ask-once.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import { goProxyFor } from '../../src/platform/proxy.ts';
import { httpStub } from '../kit/http-stub.ts';
import { proxy } from '../kit/proxy.ts';
import { tempDir } from '../kit/temp.ts';

const signal = new AbortController().signal;

/** A server whose certificate nobody vouches for but itself. */
async function secureServer() {
  const dir = tempDir();
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...names], {
    stdio: 'ignore',
  });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    response.end('secret');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { url: new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`), cert };
}

describe('whom it trusts', () => {
  test.each([
    ['without Node’s defaults', withoutDefaultCertificates],
    ['beside Node’s defaults', undefined],
  ])('those of SSL_CERT_FILE, and nobody else (%s)', async (_name, without) => {
    const before = process.env.SSL_CERT_FILE;
    const { url, cert } = await secureServer();
    const ask = async (env: Record<string, string>) =>
      await new HttpClient(env, without).askForText({ method: 'GET', url, signal });
    await expect(ask({})).rejects.toThrow(/certificate/);
    expect(await ask({ SSL_CERT_FILE: cert })).toMatchObject({ status: 200, body: 'secret' });
    await expect(ask({})).rejects.toThrow(/certificate/);
    expect(process.env.SSL_CERT_FILE).toBe(before);
  });
});

describe('how it asks', () => {
  test('a redirect is an answer', async () => {
    const stub = await httpStub((_request, response) => void response.writeHead(302, { location: '/there' }).end());
    const answer = await new HttpClient({}).ask({ method: 'POST', url: new URL(stub.url), signal });
    expect(answer).toEqual({ status: 302, location: '/there' });
    expect(stub.requests).toHaveLength(1);
  });

  test('does not wait for a body that nobody wants', async () => {
    const stub = await httpStub((_request, response) => void response.writeHead(200).write('and so on'));
    const answer = await new HttpClient({}).ask({ method: 'GET', url: new URL(stub.url), signal });
    expect(answer.status).toBe(200);
  });

  test('goes through the proxy of the environment', async () => {
    const { address, seen } = await proxy('u:p');
    const client = new HttpClient({ http_proxy: `http://u:p@${address}` });
    await client
      .ask({ method: 'POST', url: new URL('http://hooks.example/x'), signal: AbortSignal.timeout(5000) })
      .catch(() => undefined);
    expect(seen).toEqual([expect.stringContaining('POST http://hooks.example/x')]);
  });
});

describe('through a proxy', () => {
  const access = { verify: true, clientCertificate: undefined };
  const question = { method: 'GET', headers: {}, signal, until: 'body' } as const;

  test('an HTTPS server is asked through a tunnel, and has to be one that is trusted', async () => {
    const { url, cert } = await secureServer();
    const { address, seen } = await proxy('u:p');
    const way = { ...access, proxy: `http://u:p@${address}` };
    const answer = await askOnce({ ...question, url }, { ...way, caFile: cert });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'secret']);
    expect(seen).toEqual([`CONNECT ${url.host} `]);
    await expect(askOnce({ ...question, url }, { ...way, caFile: undefined })).rejects.toThrow(/certificate/);
  });

  test('one that refuses is named with its status', async () => {
    const { url, cert } = await secureServer();
    const { address } = await proxy('u:p');
    const way = { ...access, caFile: cert, proxy: `http://u:wrong@${address}` };
    await expect(askOnce({ ...question, url }, way)).rejects.toThrow('the proxy answers with status 407');
  });
});

describe('Go’s choice of a proxy', () => {
  const env = { HTTP_PROXY: 'http://one:1', https_proxy: 'two:2', NO_PROXY: 'inner.example', all_proxy: 'three:3' };
  test.each([
    ['http://a.example/', 'http://one:1'],
    ['https://a.example/', 'http://two:2'],
    ['http://sub.inner.example/', undefined],
    ['http://localhost:8080/', undefined],
    ['https://127.0.0.1/', undefined],
    ['http://[::1]/', undefined],
  ])('%s goes through %s', (url, expected) => {
    expect(goProxyFor(new URL(url), env)).toBe(expected);
  });

  test('all_proxy is curl’s alone', () => {
    expect(goProxyFor(new URL('http://a.example/'), { all_proxy: 'three:3' })).toBeUndefined();
  });
});
