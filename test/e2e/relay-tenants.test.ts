import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { get as getSecurely, Agent as TlsAgent } from 'node:https';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { makeAuthority, makeCertificate } from '../kit/client-certificates.ts';
import { httpGit } from '../kit/http-git.ts';
import { lyingServer } from '../kit/lying-server.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { published, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const agents: Agent[] = [];

afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

interface Stream {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  /** The relay closed it in a clean way. */
  hasEnded: boolean;
}

/** Opens a stream, and goes on reading it. @param token empty: none @param agent with what it needs for HTTPS; default: HTTP */
function stream(
  { port }: Pick<RunningRelay, 'port'>,
  repository: string,
  token: string,
  agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY }),
): Stream {
  agents.push(agent);
  const opened: Stream = { status: 0, headers: {}, text: '', hasEnded: false };
  const path = `/events?repo=${repository}`;
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
  const ask = agent instanceof TlsAgent ? getSecurely : get;
  ask({ agent, host: '127.0.0.1', port, path, headers }, (answer) => {
    opened.status = answer.statusCode ?? 0;
    opened.headers = answer.headers;
    answer.on('data', (chunk: Buffer) => {
      opened.text += chunk.toString();
    });
    answer.on('end', () => {
      opened.hasEnded = true;
    });
    answer.on('error', () => undefined);
  }).on('error', () => undefined);
  return opened;
}

async function setUp() {
  const dir = tempDir();
  mkdirSync(join(dir, 'srv/b'), { recursive: true });
  const upstream = new Upstream(join(dir, 'srv/b'), 'app.git');
  const first = upstream.commit({ a: 'one' });
  new Upstream(join(dir, 'srv/b'), 'second.git').commit({ b: 'two' });
  const server = await lyingServer(await httpGit(join(dir, 'srv')));
  const { url } = server;
  const host = hostOf(url);
  const access = join(dir, 'access');
  writeFileSync(access, `bearer mallory ${host}/a/*\nbearer good ${host}/b/*\nbearer other ${host}/b/*\n`);
  const start = async (...args: string[]) =>
    await startRelay({ dir, args: [`--allow=${url}/**`, `--access-file=${access}`, '--http-metrics', ...args] });
  return { dir, upstream, first, server, url, host, access, start };
}

describe('a tenant who asks for more than there is', () => {
  test('300 streams of repositories that do not exist: the news of another tenant does not wait for them, nor does its next repository', async () => {
    const { upstream, first, server, host, start } = await setUp();
    const relay = await start('--period=1s', '--requests-per-host=5');
    const good = stream(relay, `${host}/b/app.git`, 'good');
    await until('the first refs come', () => good.text.includes(first));
    const asked = Array.from({ length: 300 }, (_each, index) => stream(relay, `${host}/a/x${index}.git`, 'mallory'));
    await until('each was answered', () => asked.every(({ status }) => status !== 0));
    const oid = upstream.commit({ a: 'news' });
    const before = server.requests.length;
    await until('the news comes', () => good.text.includes(oid), 60_000);
    const meanwhile = server.requests.slice(before).filter((line) => line.includes('/a/'));
    // In the order in which they came all 300 would have been asked for before, and then those of the next round.
    expect(meanwhile.length).toBeLessThan(100);
    const auth = { authorization: 'Bearer good' };
    const second = await relay.get(`/git/${host}/b/second.git/info/refs?service=git-upload-pack`, auth);
    expect(second.status).toBe(200);
    const metrics = await (await relay.get('/metrics')).text();
    expect(metrics).not.toContain('/a/x');
    expect(good.hasEnded).toBe(false);
  });

  test('a repository that does not exist holds nothing: its streams end, and who comes again hears when to ask', async () => {
    const { host, start } = await setUp();
    const relay = await start('--period=5s', '--max-repositories=2');
    const missing = [1, 2, 3, 4].map((index) => `${host}/a/x${index}.git`);
    for (const name of missing) {
      const asked = stream(relay, name, 'mallory');
      await until('it ends', () => asked.hasEnded);
      expect(asked.text).toMatch(/event: end\ndata: \{"code":"ERR_REMOTE_NOT_FOUND"/);
    }
    const again = stream(relay, missing[3] ?? '', 'mallory');
    await until('it is answered', () => again.status !== 0);
    expect(again.status).toBe(404);
    expect(again.headers['git-sidecar-trouble']).toBe('ERR_REMOTE_NOT_FOUND');
    expect(Number(again.headers['retry-after'])).toBeGreaterThan(0);
    const status = (await (await relay.get('/status', { authorization: 'Bearer mallory' })).json()) as {
      repositories: unknown[];
    };
    expect(status.repositories).toEqual([]);
  });

  test('a repository that is made after somebody asked for it is found', async () => {
    const { dir, host, url, start } = await setUp();
    const relay = await start('--period=200ms');
    writeFileSync(join(dir, 'token'), 'good\n');
    const args = [`--repo=${url}/b/late.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=200ms'];
    const process = sidecar([...args, `--relay=${relay.url}`, `--relay-token-file=${join(dir, 'token')}`, '-v=9']);
    await process.logged('ERR_REMOTE_NOT_FOUND');
    const late = new Upstream(join(dir, 'srv/b'), 'late.git');
    await untilPublished(join(dir, 'root/link'), late.commit({ l: 'ate' }), process);
    expect(relay.process.logs.filter(({ repository }) => repository === `${host}/b/late.git`).length).toBeGreaterThan(
      0,
    );
  });
});

test('a token that has all streams gives one up to another token; who wants more than there is is refused, and counted', async () => {
  const { host, start } = await setUp();
  const relay = await start('--max-subscribers=4');
  const name = `${host}/b/app.git`;
  const open = async (token: string): Promise<Stream> => {
    const opened = stream(relay, name, token);
    await until('it is answered', () => opened.status !== 0);
    return opened;
  };
  const streams: Stream[] = [];
  for (let count = 0; count < 6; count += 1) streams.push(await open('good'));
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 503, 503]);
  expect(streams[5]?.headers['retry-after']).toBe('10');
  expect((await open('other')).status).toBe(200);
  await until('the newest one ends', () => streams[3]?.hasEnded === true);
  expect(streams[3]?.text).toMatch(/event: end\ndata: \{"code":"ERR_RELAY_FULL"/);
  expect(streams.slice(0, 3).map(({ hasEnded }) => hasEnded)).toEqual([false, false, false]);
  const metrics = await (await relay.get('/metrics')).text();
  expect(metrics).toContain('git_sidecar_relay_refused_total{what="streams"} 2');
  expect(metrics).toContain('git_sidecar_relay_subscribers_ended 1');
});

describe('access that ends', () => {
  test('a token that is taken out of the access file loses its streams; the sidecar is refused, says so once, and keeps what it has', async () => {
    const { dir, upstream, first, url, host, access, start } = await setUp();
    const relay = await start();
    writeFileSync(join(dir, 'token'), 'good\n');
    const link = join(dir, 'root/link');
    const args = [`--repo=${url}/b/app.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=200ms'];
    const process = sidecar([...args, `--relay=${relay.url}`, `--relay-token-file=${join(dir, 'token')}`, '-v=9']);
    await untilPublished(link, first, process);
    const [revoked, kept] = [
      stream(relay, `${host}/b/app.git`, 'good'),
      stream(relay, `${host}/a/none.git`, 'mallory'),
    ];
    await until('the stream is open', () => revoked.text.includes(first));
    expect(kept.status === 0 || kept.status === 200).toBe(true);
    writeFileSync(access, `bearer mallory ${host}/a/*\nbearer new ${host}/b/*\n`);
    await until('the stream ends', () => revoked.hasEnded);
    expect(revoked.text).toMatch(/event: end\ndata: \{"code":"ERR_RELAY_REFUSED"/);
    await until('it was refused twice', () => process.count('the relay cannot be followed') >= 2, 60_000);
    const said = process.logs.filter(({ msg }) => msg === 'the relay cannot be followed');
    expect(said.filter(({ hint }) => hint !== undefined)).toHaveLength(1);
    expect(said[0]).toMatchObject({ hint: expect.stringContaining('--relay-token-file') });
    const oid = upstream.commit({ a: 'two' });
    // With the new token it is there again by itself.
    writeFileSync(join(dir, 'token'), 'new\n');
    await untilPublished(link, oid, process);
  });

  test.skipIf(missing('openssl')).each<[string, (it: { readonly dir: string; readonly access: string }) => void]>([
    ['is taken out of the access file', ({ access }) => writeFileSync(access, 'bearer other none.example/x\n')],
    [
      'comes from an authority that is not trusted any more',
      ({ dir }) => {
        makeAuthority(dir, 'another');
        copyFileSync(join(dir, 'another.pem'), join(dir, 'trusted.pem'));
      },
    ],
  ])('a certificate that %s loses its streams, and gets nothing new', async (_what, end) => {
    const { dir, upstream, first, url, host, access, start } = await setUp();
    makeAuthority(dir);
    makeCertificate(dir, 'server', 'IP:127.0.0.1');
    makeCertificate(dir, 'app', 'DNS:app.pods');
    copyFileSync(join(dir, 'ca.pem'), join(dir, 'trusted.pem'));
    writeFileSync(access, `certificate app.pods ${host}/b/*\n`);
    const files = [`--tls-cert-file=${dir}/server.pem`, `--tls-key-file=${dir}/server.key`];
    const relay = await start(...files, `--tls-client-ca-file=${dir}/trusted.pem`);
    const shown = { ca: 'ca.pem', cert: 'app.pem', key: 'app.key' };
    const tls = Object.fromEntries(Object.entries(shown).map(([key, name]) => [key, readFileSync(join(dir, name))]));
    const opened = stream(relay, `${host}/b/app.git`, '', new TlsAgent(tls));
    await until('the stream is open', () => opened.text.includes(first));
    const link = join(dir, 'root/link');
    const process = sidecar([
      ...[`--repo=${url}/b/app.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=200ms'],
      ...[`--relay=https://127.0.0.1:${relay.port}`, `--relay-ca-file=${dir}/ca.pem`],
      ...[`--relay-cert-file=${dir}/app.pem`, `--relay-key-file=${dir}/app.key`],
    ]);
    await untilPublished(link, first, process);
    end({ dir, access });
    await until('the stream ends', () => opened.hasEnded);
    expect(opened.text).toMatch(/event: end\ndata: \{"code":"ERR_RELAY_REFUSED"/);
    await process.logged('the relay cannot be followed');
    const second = upstream.commit({ a: 'two' });
    await until('the relay has the commit', () => relay.process.logs.some(({ hash }) => hash === second));
    expect(published(link)).toBe(first);
    expect(process.logs.some(({ hash }) => hash === second)).toBe(false);
  });
});
