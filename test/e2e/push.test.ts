import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../src/run/instance.ts';
import { github, gitlab, type Notification, PROVIDERS } from '../kit/push-payloads.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { git } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

/** A sidecar that would not look again within an hour. */
async function setUp(...more: string[]) {
  const it = fixture();
  const [secretFile, tokenFile] = [join(it.dir, 'secret'), join(it.dir, 'token')];
  writeFileSync(secretFile, 'a shared secret\n');
  writeFileSync(tokenFile, 'a-token\n');
  const port = await findFreePort();
  const process = sidecar([
    ...it.args,
    '--period=1h',
    '--max-failures=-1',
    '--ref=main',
    `--http-bind=127.0.0.1:${port}`,
    `--push-secret-file=${secretFile}`,
    `--sync-token-file=${tokenFile}`,
    '-v=2',
    ...more,
  ]);
  await untilPublished(it.link, it.first, process);
  const url = `http://127.0.0.1:${port}`;
  const name = it.upstream.bare.split('/').slice(-2).join('/').replace('.git', '');
  return {
    ...it,
    process,
    port,
    secretFile,
    name,
    push: async ({ headers, body }: Notification) => await fetch(`${url}/push`, { method: 'POST', headers, body }),
    sync: async (query: string, token = 'a-token') =>
      await fetch(`${url}/sync${query}`, { method: 'POST', headers: { authorization: `Bearer ${token}` } }),
  };
}

describe('POST /push', () => {
  test.each(Object.keys(PROVIDERS) as (keyof typeof PROVIDERS)[])(
    'a push that %s tells of is live at once',
    async (provider) => {
      const { upstream, link, process, name, push } = await setUp();
      const oid = upstream.commit({ a: 'two' });
      const answer = await push(PROVIDERS[provider]('refs/heads/main', name));
      expect([answer.status, await answer.json()]).toEqual([202, { status: 'accepted' }]);
      await untilPublished(link, oid, process);
    },
  );

  test('what is not ours, not genuine or not a push wakes nobody', async () => {
    const { upstream, first, link, name, push, process } = await setUp();
    upstream.commit({ a: 'two' });
    expect((await push(github('refs/heads/other', name))).status).toBe(200);
    expect((await push(github('refs/heads/main', name, 'ping'))).status).toBe(200);
    const genuine = github('refs/heads/main', name);
    expect((await push({ ...genuine, body: `${genuine.body} ` })).status).toBe(401);
    const wrong = gitlab('refs/heads/main', name);
    expect((await push({ ...wrong, headers: { ...wrong.headers, 'x-gitlab-token': 'guess' } })).status).toBe(401);
    await delay(300);
    expect(published(link)).toBe(first);
    expect(process.stderr).not.toContain('a shared secret');
  });

  test('a secret that was changed counts from the next notification on', async () => {
    const { secretFile, name, push } = await setUp();
    writeFileSync(secretFile, 'a new secret');
    expect((await push(github('refs/heads/main', name))).status).toBe(401);
    writeFileSync(secretFile, '');
    expect((await push(github('refs/heads/main', name))).status).toBe(401);
    writeFileSync(secretFile, 'a shared secret');
    expect((await push(github('refs/heads/main', name))).status).toBe(202);
  });

  test('bad requests are refused: another method, no JSON, too large, too many', async () => {
    const { name, push, process } = await setUp();
    const genuine = github('refs/heads/main', name);
    expect((await push({ headers: PROVIDERS.gitlab('', '').headers, body: 'not JSON' })).status).toBe(400);
    const large = await push({ ...genuine, body: 'x'.repeat(6_000_000) }).catch(() => undefined);
    expect(large === undefined || large.status === 413).toBe(true);
    const statuses = await Promise.all(Array.from({ length: 60 }, async () => (await push(genuine)).status));
    expect(new Set(statuses)).toEqual(new Set([202, 429]));
    expect(process.child.exitCode).toBeNull();
  });
});

describe('POST /push and strangers', () => {
  test('a hundred and fifty stalled bodies of five MiB do not fill the memory, and a push is live at once', async () => {
    const { upstream, link, process, name, push, port } = await setUp();
    const peak = (): number =>
      Number(/VmHWM:\s+(\d+)/.exec(read('/proc', `${process.child.pid}`, 'status') ?? '')?.[1]);
    const before = peak();
    const most = 5 * 2 ** 20;
    const body = Buffer.alloc(most - 1, 'x');
    const forged = { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
    const head = Object.entries(forged).map(([key, value]) => `${key}: ${value}\r\n`);
    const sockets = Array.from({ length: 150 }, () => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      socket.write(`POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: ${most}\r\n${head.join('')}\r\n`);
      socket.write(body);
      return socket.resume();
    });
    const open = (): number => sockets.filter(({ closed }) => !closed).length;
    await until(
      () => `all but a few are refused; open: ${open()}`,
      () => open() < 10,
      40_000,
    );
    const oid = upstream.commit({ a: 'two' });
    expect((await push(github('refs/heads/main', name))).status).toBe(202);
    await untilPublished(link, oid, process);
    // Kibibytes; all of the bodies would be 750 MiB.
    expect(peak() - before).toBeLessThan(250 * 1024);
    expect(process.count('refused a push notification')).toBeLessThan(60);
  });
});

describe('POST /sync', () => {
  test('with ?wait it answers with what is published then', async () => {
    const { upstream, link, sync } = await setUp();
    const oid = upstream.commit({ a: 'two' });
    const answer = await sync('?wait=20s');
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'synced', oid, ref: 'refs/heads/main' }]);
    expect(published(link)).toBe(oid);
  });

  test('without ?wait it answers at once', async () => {
    const { upstream, link, sync, process } = await setUp();
    const oid = upstream.commit({ a: 'two' });
    expect((await sync('')).status).toBe(202);
    await untilPublished(link, oid, process);
  });

  test('a sync that fails is told with its reason; one that takes too long too', async () => {
    const { upstream, sync, process } = await setUp();
    git(upstream.bare, 'update-ref', '-d', 'refs/heads/main');
    const failed = await sync('?wait=20s');
    expect(failed.status).toBe(502);
    expect(await failed.json()).toMatchObject({ status: 'failed', error: expect.stringContaining('ERR_REMOTE_REF') });
    expect((await sync('?wait=1ms')).status).toBe(504);
    await until('it goes on', () => process.child.exitCode === null);
  });

  test('a wrong token, no token, a wait that is none', async () => {
    const { sync, process } = await setUp();
    expect((await sync('', 'guess')).status).toBe(401);
    expect((await sync('?wait=soon')).status).toBe(400);
    expect(process.stderr).not.toContain('a-token');
  });

  test('without --http-bind the options are refused', async () => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, '--push-secret-file=/x']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('--http-bind')]);
  });
});

describe('on git-sidecar run --repo', () => {
  test('a push and POST /sync bring a revision to life at once', async () => {
    const it = fixture();
    const files = { secret: join(it.dir, 'secret'), token: join(it.dir, 'token') };
    writeFileSync(files.secret, 'a shared secret\n');
    writeFileSync(files.token, 'a-token\n');
    const port = await findFreePort();
    const process = new Sidecar(
      [
        ...['run', ...it.args, '--ref=main', '--period=1h', `--state=${join(it.dir, 'state')}`, '--ready-delay=50ms'],
        '--drain-delay=0s',
        ...[`--http-bind=127.0.0.1:${port}`, `--push-secret-file=${files.secret}`, `--sync-token-file=${files.token}`],
        ...['--', 'sleep', '1000'],
      ],
      {},
      { command: 'git-sidecar' },
    );
    const url = `http://127.0.0.1:${port}`;
    const runs = async (oid: string): Promise<void> => {
      await until(
        () => `${oid} runs\n${process.stderr.slice(-2000)}`,
        async () => {
          const status = (await (await fetch(`${url}/status`)).json().catch(() => undefined)) as
            | { running?: { oid: string } }
            | undefined;
          return status?.running?.oid === oid;
        },
      );
    };
    await process.logged('serving HTTP');
    await runs(it.first);
    const second = it.upstream.commit({ a: 'two' });
    const name = it.upstream.bare.split('/').slice(-2).join('/').replace('.git', '');
    const { headers, body } = github('refs/heads/main', name);
    expect((await fetch(`${url}/push`, { method: 'POST', headers, body })).status).toBe(202);
    await runs(second);
    const third = it.upstream.commit({ a: 'three' });
    const authorization = 'Bearer a-token';
    const answer = await fetch(`${url}/sync?wait=30s`, { method: 'POST', headers: { authorization } });
    expect(await answer.json()).toMatchObject({ status: 'synced', oid: third });
    await runs(third);
    expect((await fetch(`${url}/sync`, { method: 'POST' })).status).toBe(401);
  });
});
