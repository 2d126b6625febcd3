import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { Redactor } from '../../../src/platform/redact.ts';
import { newSpanId, type Span, traceIdOf, traceparent } from '../../../src/platform/trace/span.ts';
import { Tracer } from '../../../src/platform/trace/tracer.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { httpStub } from '../../kit/http-stub.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { tempDir } from '../../kit/temp.ts';
import { until } from '../../peers/wait.ts';

const OID = 'a'.repeat(40);

function span(name: string, more: Partial<Span> = {}): Span {
  return { traceId: traceIdOf(OID), spanId: newSpanId(), name, from: 1000.5, to: 2000, attributes: {}, ...more };
}

async function setUp(statusOf: (nr: number) => number = () => 200) {
  const stub = await httpStub((_request, response) => void response.writeHead(statusOf(stub.requests.length)).end());
  const clock = new HandClock();
  const redactor = new Redactor();
  redactor.add('s3cret-word');
  const headersFile = join(tempDir(), 'headers');
  writeFileSync(headersFile, 'Authorization: Bearer abcdef123456\n\nX-Scope: team\n');
  const tracer = new Tracer({
    ...{ endpoint: `${stub.url}/otlp/`, headersFile, resource: { 'service.name': 'git-sidecar' } },
    ...{ http: new HttpClient({}), clock, log: silentLog, redactor },
  });
  const sent = (): Record<string, unknown>[] =>
    stub.requests.flatMap(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
  /** Lets time go on until the collector was asked so many times. */
  const asked = async (times: number): Promise<void> => {
    await until(`${times} requests`, async () => {
      await clock.advance(1000);
      return stub.requests.length >= times;
    });
  };
  return { stub, tracer, sent, asked };
}

test('spans arrive together, in the form of OTLP, with the headers of the file and without a secret', async () => {
  const { stub, tracer, sent, asked } = await setUp();
  const parent = span('sync', { attributes: { ref: 'refs/heads/main', updated: true, files: 3, gone: undefined } });
  tracer.record([parent, span('fetch', { parentId: parent.spanId, error: 'said s3cret-word' })]);
  tracer.record([span('checkout')]);
  await asked(1);
  const [request] = stub.requests;
  expect(request).toMatchObject({ method: 'POST', path: '/otlp/v1/traces' });
  expect(request?.headers).toMatchObject({ authorization: 'Bearer abcdef123456', 'x-scope': 'team' });
  expect(request?.body).not.toContain('s3cret-word');
  const [first, second, third] = sent();
  expect(first).toEqual({
    ...{ traceId: traceIdOf(OID), spanId: parent.spanId, name: 'sync', kind: 1 },
    ...{ startTimeUnixNano: '1000500000', endTimeUnixNano: '2000000000', status: { code: 1 } },
    attributes: [
      { key: 'ref', value: { stringValue: 'refs/heads/main' } },
      { key: 'updated', value: { boolValue: true } },
      { key: 'files', value: { intValue: '3' } },
    ],
  });
  expect(second).toMatchObject({ name: 'fetch', parentSpanId: parent.spanId, status: { code: 2 } });
  expect(third?.name).toBe('checkout');
});

test('spans wait while the collector is gone, and come when it is back', async () => {
  const { tracer, sent, asked } = await setUp((nr) => (nr < 3 ? 503 : 200));
  tracer.record([span('one')]);
  await asked(1);
  tracer.record([span('two')]);
  await asked(3);
  const names = sent().map(({ name }) => name);
  expect(names.slice(-2)).toEqual(['one', 'two']);
});

test('what the collector does not understand is dropped, and the next spans are sent', async () => {
  const { tracer, sent, asked } = await setUp((nr) => (nr === 1 ? 400 : 200));
  tracer.record([span('odd')]);
  await asked(1);
  tracer.record([span('good')]);
  await asked(2);
  expect(sent().map(({ name }) => name)).toEqual(['odd', 'good']);
});

test('a token that the collector refuses for a while loses no span', async () => {
  const { tracer, sent, asked } = await setUp((nr) => (nr === 1 ? 401 : 200));
  tracer.record([span('kept')]);
  await asked(2);
  expect(sent().map(({ name }) => name)).toEqual(['kept', 'kept']);
});

test('so many spans wait and no more: the oldest make room', async () => {
  const { tracer, sent, asked } = await setUp();
  tracer.record(Array.from({ length: 3000 }, (_, index) => span(`${index}`)));
  await asked(4);
  const names = sent().map(({ name }) => Number(name));
  expect(names).toHaveLength(2048);
  expect(names[0]).toBe(952);
});

test('what waits at the end is sent, and a collector that is gone keeps nobody', async () => {
  const { stub, tracer, sent } = await setUp();
  tracer.record([span('last')]);
  await tracer.close();
  expect(sent().map(({ name }) => name)).toEqual(['last']);
  expect(stub.requests).toHaveLength(1);
});

test('every process puts a commit into the same trace, and its context has the form of W3C', () => {
  expect(traceIdOf(OID)).toMatch(/^[0-9a-f]{32}$/);
  expect(traceIdOf(OID)).toBe(traceIdOf(OID));
  expect(traceIdOf(OID)).not.toBe(traceIdOf('b'.repeat(40)));
  expect(traceparent({ traceId: traceIdOf(OID), spanId: newSpanId() })).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});
