import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { KubernetesEvents } from '../../src/platform/kubernetes-events.ts';
import { Redactor } from '../../src/platform/redact.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** An API server with the cluster's own authority, and a service account as it is mounted. */
async function setUp(status: () => number) {
  const account = join(tempDir(), 'account');
  mkdirSync(account);
  const [key, cert] = [join(account, 'key'), join(account, 'ca.crt')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=kube', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...words, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  writeFileSync(join(account, 'token'), 'account-token\n');
  writeFileSync(join(account, 'namespace'), 'team');
  const asked: Asked[] = [];
  server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      asked.push({ method, url, authorization: headers.authorization, body: JSON.parse(`${Buffer.concat(chunks)}`) });
      response.writeHead(status()).end();
    });
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const redactor = new Redactor();
  redactor.add('s3cret-word');
  const clock = new HandClock();
  const events = new KubernetesEvents({
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ account, pod: { name: 'web-0', uid: 'u-1' }, clock, log, redactor },
  });
  return { events, asked, warnings, clock };
}

const EVENT = { type: 'Warning', reason: 'SyncFailed', action: 'Sync', note: 'with s3cret-word' } as const;

describe.skipIf(missing('openssl'))('events about a Pod', () => {
  test('an event is about the Pod, in its namespace, with the account’s token, and holds no secret', async () => {
    const { events, asked } = await setUp(() => 201);
    events.record(EVENT);
    await until('it is written', () => asked.length === 1);
    const [{ method, url, authorization, body } = {} as Asked] = asked;
    expect([method, url]).toEqual(['POST', '/apis/events.k8s.io/v1/namespaces/team/events']);
    expect(authorization).toBe('Bearer account-token');
    expect(body).toMatchObject({
      ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', type: 'Warning', reason: 'SyncFailed', action: 'Sync' },
      regarding: { kind: 'Pod', name: 'web-0', uid: 'u-1', namespace: 'team' },
      reportingController: 'git-sidecar',
      eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
    expect(JSON.stringify(body)).not.toContain('s3cret-word');
    await events.close();
  });

  test('an account that may not write events is asked once, and the log says what it needs', async () => {
    const { events, asked, warnings } = await setUp(() => 403);
    events.record(EVENT);
    await until('the log says so', () => warnings.length === 1);
    events.record(EVENT);
    await events.close();
    expect(asked).toHaveLength(1);
    expect(warnings).toEqual(['the service account may not write events']);
  });

  test('of very many events only some are written, each short enough', async () => {
    const { events, asked, clock } = await setUp(() => 201);
    for (let times = 0; times < 100; times += 1) events.record({ ...EVENT, note: 'ä'.repeat(3000) });
    await until('some are written', () => asked.length === 10);
    await clock.advance(10_000);
    events.record(EVENT);
    await until('the next one is written', () => asked.length === 11);
    for (const { body } of asked) expect(Buffer.byteLength(String(body.note))).toBeLessThanOrEqual(1024);
    await events.close();
  });

  test('an event right before the end is written', async () => {
    const { events, asked } = await setUp(() => 201);
    events.record(EVENT);
    await events.close();
    expect(asked).toHaveLength(1);
  });

  test('an API server that fails is asked again with the next event', async () => {
    let status = 500;
    const { events, asked, warnings } = await setUp(() => status);
    events.record(EVENT);
    await until('the log says so', () => warnings.length === 1);
    status = 201;
    events.record(EVENT);
    await until('it is asked again', () => asked.length === 2);
    await events.close();
    expect(warnings).toHaveLength(1);
  });
});
