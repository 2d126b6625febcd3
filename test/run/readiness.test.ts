import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ReadyCheck } from '../../src/config/run-config.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { findFreePort, Instance } from '../../src/run/instance.ts';
import { waitUntilReady } from '../../src/run/readiness.ts';
import { httpStub } from '../kit/http-stub.ts';
import { tempDir } from '../kit/temp.ts';
import { notTried } from '../peers/not-tried.ts';
import { until } from '../peers/wait.ts';

const ENV = { PATH: process.env.PATH ?? '' };

async function instance(script = 'exec sleep 60', port?: number): Promise<Instance> {
  const started = await Instance.start({
    command: ['sh', '-c', script],
    cwd: '/',
    env: ENV,
    port,
    clock: systemClock,
    stop: { signal: 'SIGTERM', timeoutMs: 500 },
  });
  onTestFinished(() => started.stop());
  return started;
}

const ready = async (it: Instance, checks: readonly ReadyCheck[], timeoutMs = 400): Promise<string | undefined> =>
  await waitUntilReady(it, {
    checks,
    timeoutMs,
    clock: systemClock,
    runner: createProcessRunner(),
    http: new HttpClient({}),
    env: ENV,
    cwd: '/',
    signal: new AbortController().signal,
  });

describe('when a process is ready', () => {
  test.each([
    [200, undefined],
    [302, undefined],
    [404, /status 404/],
    [503, /status 503/],
  ])('http: an answer with status %d', async (status, reason) => {
    const { url } = await httpStub((_request, response) => void response.writeHead(status, { location: '/x' }).end());
    const verdict = await ready(await instance(), [{ kind: 'http', url }]);
    if (reason === undefined) expect(verdict).toBeUndefined();
    else expect(verdict).toMatch(reason);
  });

  test('http on its own port, at a path', async () => {
    const stub = await httpStub(
      (request, response) => void response.writeHead(request.path === '/ok' ? 200 : 500).end(),
    );
    const it = await instance(undefined, Number(new URL(stub.url).port));
    expect(await ready(it, [{ kind: 'own-http', path: '/ok' }])).toBeUndefined();
    expect(await ready(it, [{ kind: 'own-http', path: '/other' }])).toMatch(/status 500/);
  });

  test('tcp: the port accepts connections', async () => {
    const { url } = await httpStub(() => undefined);
    expect(await ready(await instance(), [{ kind: 'tcp', port: Number(new URL(url).port) }])).toBeUndefined();
    expect(await ready(await instance(), [{ kind: 'tcp', port: await findFreePort() }])).toMatch(
      /not ready after 0\.4 s: port/,
    );
  });

  test('exec: the line ends with 0; it is told the process', async () => {
    const it = await instance();
    expect(await ready(it, [{ kind: 'exec', command: 'kill -0 $GIT_SIDECAR_PID' }])).toBeUndefined();
    expect(await ready(it, [{ kind: 'exec', command: 'exit 4' }])).toMatch(/ends with 4/);
  });

  test('all checks have to pass', async () => {
    const it = await instance();
    expect(
      await ready(it, [
        { kind: 'exec', command: 'true' },
        { kind: 'exec', command: 'false' },
      ]),
    ).toMatch(/ends with 1/);
  });

  test('a process that exits is not waited for', async () => {
    // Longer than this test may take.
    const long = 600_000;
    expect(await ready(await instance('exit 3'), [{ kind: 'tcp', port: 1 }], long)).toBe('it exited with status 3');
    expect(await ready(await instance('kill -9 $$'), [{ kind: 'delay', ms: long }], 2 * long)).toBe(
      'it was ended by SIGKILL',
    );
  });
});

/** Debian's, whatever else is called python3 here. */
const PYTHON = '/usr/bin/python3';

describe('the application does not complain about being asked', () => {
  test("Python's http.server prints no traceback", async ({ skip }) => {
    if (!existsSync(PYTHON)) {
      notTried(`${PYTHON} is not installed`);
      return skip();
    }
    const dir = tempDir();
    // Larger than what fits into the buffers of a connection.
    writeFileSync(join(dir, 'large'), Buffer.alloc(800_000));
    const port = await findFreePort();
    const server = spawn(PYTHON, ['-m', 'http.server', `${port}`, '--bind', '127.0.0.1'], { cwd: dir });
    onTestFinished(() => void server.kill('SIGKILL'));
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const it = await instance(undefined, port);
    for (let round = 0; round < 10; round += 1) {
      expect(await ready(it, [{ kind: 'own-http', path: '/large' }], 10_000)).toBeUndefined();
      expect(await ready(it, [{ kind: 'own-tcp' }], 10_000)).toBeUndefined();
    }
    await until('it has served all', () => said.split('GET /large').length - 1 === 10);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('large');
    expect(said).not.toMatch(/Traceback|Error|Exception/);
  });

  test('tcp: a server that speaks first sees an end, no reset', async () => {
    const ends: string[] = [];
    const server = createServer((socket) => {
      socket.write('220 ready\r\n');
      socket.resume();
      socket.on('error', (error) => ends.push(error.message));
      socket.on('close', () => ends.push('closed'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const it = await instance();
    for (let round = 0; round < 10; round += 1)
      expect(await ready(it, [{ kind: 'tcp', port }], 10_000)).toBeUndefined();
    await until('all are closed', () => ends.length >= 10);
    expect(new Set(ends)).toEqual(new Set(['closed']));
  });

  test('an answer without end is not waited for', async () => {
    const { url } = await httpStub((_request, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    expect(await ready(await instance(), [{ kind: 'http', url }], 10_000)).toBeUndefined();
  });
});
