import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { makeAuthority, makeCertificate } from '../kit/client-certificates.ts';
import { httpGit } from '../kit/http-git.ts';
import { lyingServer } from '../kit/lying-server.ts';
import { nginx } from '../kit/nginx.ts';
import { hostOf, startRelay } from '../kit/relay.ts';
import { published, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { NGINX_PROGRAMS } from '../peers/nginx.ts';
import { missing } from '../peers/programs.ts';
import { sshUnavailable } from '../peers/sshd.ts';
import { delay, until } from '../peers/wait.ts';

const execute = promisify(execFile);

async function setUp() {
  const dir = tempDir();
  mkdirSync(join(dir, 'srv/team'), { recursive: true });
  const upstream = new Upstream(join(dir, 'srv/team'), 'app.git');
  const first = upstream.commit({ a: 'one' });
  new Upstream(join(dir, 'srv/team'), 'secret.git').commit({ s: 'ecret' });
  new Upstream(join(dir, 'srv'), 'outside.git').commit({ o: 'utside' });
  const server = await lyingServer(await httpGit(join(dir, 'srv')));
  const host = hostOf(server.url);
  const clone = async (url: string, to: string, ...more: string[]) =>
    await execute('git', [...more, 'clone', '-q', url, to], { cwd: dir, env: GIT_ENV }).then(
      () => '',
      (error: { stderr: string }) => error.stderr,
    );
  return { dir, upstream, first, server, host, clone };
}

/** A request whose path goes out as it is written. */
function raw(
  port: number,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
  body?: Buffer,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

describe('who may read what', () => {
  test('a token opens the repositories of its patterns to sync and git, and nothing else', async () => {
    const { dir, upstream, first, server, host, clone } = await setUp();
    const file = join(dir, 'access');
    writeFileSync(file, `bearer t0ken-app ${host}/team/app.git\nbearer t0ken-all ${host}/**\n`);
    const relay = await startRelay({ dir, args: [`--allow=${server.url}/team/*`, `--access-file=${file}`, '-v=9'] });
    const withToken = (token: string, path: string) =>
      `${relay.url.replace('//', `//x:${token}@`)}/git/${host}/${path}`;
    expect(await clone(`${relay.url}/git/${host}/team/app.git`, 'c0')).toMatch(
      /could not read Username|Authentication failed|terminal prompts/,
    );
    expect(await clone(withToken('t0ken-app', 'team/app.git'), 'c1')).toBe('');
    expect(await clone(withToken('t0ken-app', 'team/secret.git'), 'c2')).toContain('not found');
    expect(await clone(withToken('t0ken-all', 'team/secret.git'), 'c3')).toBe('');
    for (const path of ['/fleet', '/status', `/events?repo=${host}/team/app.git`])
      expect((await relay.get(path)).status).toBe(401);
    const asOne = { authorization: 'Bearer t0ken-app' };
    expect((await relay.get(`/events?repo=${host}/team/secret.git`, asOne)).status).toBe(404);
    const status = await (await relay.get('/status', asOne)).text();
    expect(status).toContain('team/app.git');
    expect(status).not.toContain('secret');

    writeFileSync(join(dir, 'token'), 't0ken-app\n');
    const link = join(dir, 'root/link');
    const args = [
      `--repo=${server.url}/team/app.git`,
      `--root=${join(dir, 'root')}`,
      '--link=link',
      '--period=1h',
      `--relay=${relay.url}`,
    ];
    const process = sidecar([...args, `--relay-token-file=${join(dir, 'token')}`, '-v=9']);
    await untilPublished(link, first, process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    const stranger = sidecar([
      ...args.slice(0, 1),
      `--root=${join(dir, 'other')}`,
      '--period=100ms',
      `--relay=${relay.url}`,
    ]);
    await stranger.logged('ERR_RELAY_REFUSED');
    for (const { stderr } of [process, relay.process, stranger]) expect(stderr).not.toMatch(/t0ken-/);
    expect(readFileSync(join(dir, 'root/.git/config'), 'utf8')).not.toContain('t0ken');
  });

  test.skipIf(missing('openssl'))('mutual TLS: the name in a certificate opens what the access file says', async () => {
    const { dir, first, server, host } = await setUp();
    makeAuthority(dir);
    makeCertificate(dir, 'server', 'IP:127.0.0.1');
    makeCertificate(dir, 'app', 'DNS:app.pods');
    makeCertificate(dir, 'guest', 'DNS:guest');
    writeFileSync(join(dir, 'access'), `certificate app.pods ${host}/**\n`);
    const tls = [
      `--tls-cert-file=${dir}/server.pem`,
      `--tls-key-file=${dir}/server.key`,
      `--tls-client-ca-file=${dir}/ca.pem`,
    ];
    const relay = await startRelay({
      dir,
      scheme: 'https',
      args: [`--allow=${server.url}/**`, `--access-file=${dir}/access`, ...tls],
    });
    const start = (name: string, ...more: string[]) =>
      sidecar([
        `--repo=${server.url}/team/app.git`,
        `--root=${join(dir, name)}`,
        '--link=link',
        '--period=200ms',
        `--relay=${relay.url}`,
        `--relay-ca-file=${dir}/ca.pem`,
        ...more,
      ]);
    const app = start('one', `--relay-cert-file=${dir}/app.pem`, `--relay-key-file=${dir}/app.key`);
    await untilPublished(join(dir, 'one/link'), first, app);
    const guest = start('two', `--relay-cert-file=${dir}/guest.pem`, `--relay-key-file=${dir}/guest.key`);
    await guest.logged('ERR_RELAY_REFUSED');
    const nobody = start('three');
    await nobody.logged('ERR_RELAY_REFUSED');
    expect(published(join(dir, 'two/link'))).toBeUndefined();
    expect(published(join(dir, 'three/link'))).toBeUndefined();
  });
});

describe('no open proxy', () => {
  test('no other repository, host or scheme is ever contacted, in whatever way it is spelled', async () => {
    const { dir, server, host, clone } = await setUp();
    const elsewhere = await lyingServer(server.url);
    const relay = await startRelay({ dir, args: [`--allow=${server.url}/team/*`] });
    const other = hostOf(elsewhere.url);
    const service = 'info/refs?service=git-upload-pack';
    const paths = [
      `/git/${other}/team/app.git/${service}`,
      `/git/${host}/outside.git/${service}`,
      `/git/${host}/team/../outside.git/${service}`,
      `/git/${host}/team/%2e%2e/outside.git/${service}`,
      `/git/${host}/team/..%2foutside.git/${service}`,
      `/git/${host}/team/x%2f..%2f..%2foutside.git/${service}`,
      `/git/${host}/team//app.git/${service}`,
      `/git/${host}@${other}/team/app.git/${service}`,
      `/git/x@${host}/team/app.git/${service}`,
      `/git/http://${other}/team/app.git/${service}`,
      `/git/${host}/team/app.git%00/${service}`,
      `/git/${host}/team/-x/${service}`,
      `/git/${host}/team/app.git\\..\\x/${service}`,
      '/git/../../../../etc/passwd',
      `/git//etc/passwd/${service}`,
      '/git/',
      `/events?repo=${other}/team/app.git`,
      `/events?repo=${host}/team/../outside.git`,
    ];
    for (const path of paths) expect([404, 403, 400], path).toContain(await raw(relay.port, path));
    expect(await raw(relay.port, `http://${other}/team/app.git/${service}`)).toBe(404);
    expect(await raw(relay.port, `/git/${host}/team/app.git/git-receive-pack`, 'POST')).toBe(403);
    expect(await raw(relay.port, `/git/${host}/team/app.git/info/refs?service=git-receive-pack`)).toBe(403);
    expect(elsewhere.requests).toEqual([]);
    expect(server.requests.filter((line) => line.includes('outside'))).toEqual([]);
    expect(await clone(`${relay.url}/git/${host}/team/app.git`, 'c1')).toBe('');
  });

  test('a git server that redirects leads the relay nowhere', async () => {
    const { dir, server, host } = await setUp();
    const elsewhere = await lyingServer(server.url);
    server.mood = 'redirect';
    server.other = elsewhere.url;
    const relay = await startRelay({
      dir,
      args: [`--allow=${server.url}/team/*`, `--follow=${server.url}/team/app.git`],
    });
    await relay.process.logged('the git server cannot be followed');
    expect(elsewhere.requests).toEqual([]);
    expect((await relay.get('/readyz')).status).toBe(503);
    server.mood = 'honest';
    await until('it is ready', async () => (await relay.get('/readyz')).status === 200);
    expect((await relay.get(`/git/${host}/team/app.git/info/refs?service=git-upload-pack`)).status).toBe(200);
  });

  test('submodules of what it mirrors are not contacted; those beside it come through the relay', async () => {
    const { dir, upstream, server } = await setUp();
    const elsewhere = await lyingServer(server.url);
    git(
      upstream.work,
      '-c',
      `url.${join(dir, 'srv')}/.insteadOf=${elsewhere.url}/`,
      'submodule',
      'add',
      '-q',
      '../secret.git',
      'sub',
    );
    const oid = upstream.commit({ b: 'with a submodule' });
    const relay = await startRelay({ dir, args: [`--allow=${server.url}/team/*`] });
    const process = sidecar([
      `--repo=${server.url}/team/app.git`,
      `--root=${join(dir, 'root')}`,
      '--link=link',
      '--period=1h',
      `--relay=${relay.url}`,
    ]);
    await untilPublished(join(dir, 'root/link'), oid, process);
    expect(readFileSync(join(dir, 'root/link/sub/s'), 'utf8')).toBe('ecret');
    expect(elsewhere.requests).toEqual([]);
    const status = await (await relay.get('/status')).text();
    expect(status).toContain('team/secret.git');
  });

  test('refs that are not passed on cannot be had', async () => {
    const { dir, upstream, server, host } = await setUp();
    upstream.git('checkout', '-q', '-b', 'private');
    const hidden = upstream.commit({ p: 'rivate' });
    upstream.git('checkout', '-q', 'main');
    const relay = await startRelay({ dir, args: [`--allow=${server.url}/team/*#main`] });
    const url = `${relay.url}/git/${host}/team/app.git`;
    const { stdout } = await execute('git', ['ls-remote', url], { env: GIT_ENV });
    expect(stdout).toContain('refs/heads/main');
    expect(stdout).not.toContain('private');
    git(dir, 'init', '-q', 'c');
    await expect(
      execute('git', ['-C', join(dir, 'c'), 'fetch', '-q', url, hidden], { env: GIT_ENV }),
    ).rejects.toThrow();
  });
});

describe('limits', () => {
  test('questions, reports, streams and repositories have their bounds', async () => {
    const { dir, server, host } = await setUp();
    const relay = await startRelay({
      dir,
      args: [`--allow=${server.url}/team/*`, '--max-subscribers=2', '--max-repositories=1'],
    });
    const url = `/git/${host}/team/app.git`;
    expect((await relay.get(`${url}/info/refs?service=git-upload-pack`)).status).toBe(200);
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const headers = { 'content-encoding': 'gzip', 'git-protocol': 'version=2' };
    expect(await raw(relay.port, `${url}/git-upload-pack`, 'POST', headers, bomb)).toBe(413);
    expect(await raw(relay.port, `${url}/git-upload-pack`, 'POST', headers, Buffer.from('no gzip'))).toBe(400);
    expect(await raw(relay.port, '/reports', 'POST', {}, Buffer.alloc(100_000, 'x'))).toBe(400);
    for (const body of ['', '0000', 'zzzz', '0014command=ls-refs\n', '0015command=rm-all!\n0000']) {
      const answer = await fetch(`${relay.url}${url}/git-upload-pack`, {
        method: 'POST',
        headers: { 'git-protocol': 'version=2' },
        body,
      });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toMatch(/^[0-9a-f]{4}ERR the relay: /);
    }
    const streams = [new AbortController(), new AbortController()];
    for (const { signal } of streams)
      expect((await fetch(`${relay.url}/events?repo=${host}/team/app.git`, { signal })).status).toBe(200);
    const refused = await relay.get(`/events?repo=${host}/team/app.git`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('10');
    // The one that is watched stays; another has no place.
    expect((await relay.get(`/git/${host}/team/secret.git/info/refs?service=git-upload-pack`)).status).toBe(503);
    for (const stream of streams) stream.abort();
    await until(
      'there is room',
      async () => (await relay.get(`/git/${host}/team/secret.git/info/refs?service=git-upload-pack`)).status === 200,
    );
  });

  test('more requests a second than it may answer get 429; probes are answered, and a sync gets there all the same', async () => {
    const { dir, first, server } = await setUp();
    const relay = await startRelay({
      dir,
      args: [`--allow=${server.url}/team/*`, '--max-requests=3', '--http-metrics'],
    });
    const answers = await Promise.all(Array.from({ length: 40 }, async () => await relay.get('/status')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    for (const path of ['/healthz', '/readyz', '/metrics']) expect((await relay.get(path)).status).toBe(200);
    const args = [`--repo=${server.url}/team/app.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=200ms'];
    const process = sidecar([...args, `--relay=${relay.url}`]);
    await untilPublished(join(dir, 'root/link'), first, process);
  });

  test('a git server gets no more requests a second than it should', async () => {
    const { dir, server } = await setUp();
    const relay = await startRelay({
      dir,
      args: [
        `--allow=${server.url}/**`,
        '--period=10ms',
        '--requests-per-host=5',
        `--follow=${server.url}/team/app.git`,
        `--follow=${server.url}/team/secret.git`,
      ],
    });
    await until('both are there', async () => (await relay.get('/readyz')).status === 200);
    const [before, since] = [server.requests.length, performance.now()];
    await delay(2000);
    const seconds = (performance.now() - since) / 1000;
    // As many as a second's worth may come at once.
    expect(server.requests.length - before).toBeLessThanOrEqual(5 * seconds + 6);
  });

  test('mirrors that nobody uses make room', async () => {
    const { dir, upstream, server, host } = await setUp();
    upstream.commit({
      big: Buffer.from(Array.from({ length: 400_000 }, () => Math.floor(Math.random() * 256))).toString('latin1'),
    });
    const start = async (...more: string[]) =>
      await startRelay({ dir, args: [`--allow=${server.url}/team/*`, ...more] });
    const one = await start();
    for (const name of ['app', 'secret'])
      expect((await one.get(`/git/${host}/team/${name}.git/info/refs?service=git-upload-pack`)).status).toBe(200);
    await one.process.stop();
    const two = await start('--max-disk=100Ki', `--follow=${server.url}/team/secret.git`);
    await two.process.logged('removed an unused mirror', 50_000);
    expect((await two.get(`/git/${host}/team/secret.git/info/refs?service=git-upload-pack`)).status).toBe(200);
  });
});

describe.skipIf(missing(...NGINX_PROGRAMS))('credentials', () => {
  test('only the relay has them: TLS, a private CA and a password at nginx, none at the subscriber', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ a: 'one' });
    const server = await nginx(join(dir, 'nginx'), { projectRoot: dir, tls: true, users: { bot: 'pa55word-1' } });
    writeFileSync(join(dir, 'password'), 'pa55word-1\n');
    chmodSync(join(dir, 'password'), 0o600);
    const access = [
      `--username=bot`,
      `--password-file=${join(dir, 'password')}`,
      `--git-config=http.sslCAInfo:${server.caFile}`,
    ];
    const relay = await startRelay({ dir, args: [`--allow=${server.url}/*`, '-v=9', ...access] });
    const link = join(dir, 'root/link');
    const process = sidecar([
      `--repo=${server.url}/repo.git`,
      `--root=${join(dir, 'root')}`,
      '--link=link',
      '--period=1h',
      `--relay=${relay.url}`,
    ]);
    await untilPublished(link, first, process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    // A rotated password counts from the next poll on.
    server.setUsers({ bot: 'pa55word-2' });
    await relay.process.logged('ERR_REMOTE_AUTH');
    writeFileSync(join(dir, 'password'), 'pa55word-2\n');
    await untilPublished(link, upstream.commit({ a: 'three' }), process);
    expect(relay.process.stderr).not.toMatch(/pa55word/);
    expect(await (await relay.get('/status')).text()).not.toMatch(/pa55word/);
  });
});

describe.skipIf(sshUnavailable())('over ssh', () => {
  test('the relay has the key and one login; sidecars follow the same URL without it', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ a: 'one' });
    const server = await sshd(join(dir, 'ssh'));
    const at = `ssh://${userInfo().username}@127.0.0.1:${server.port}${dir}`;
    const keys = [`--ssh-key-file=${server.keyFile}`, `--ssh-known-hosts-file=${server.knownHostsFile}`];
    const relay = await startRelay({ dir, args: [`--allow=${at}/*`, ...keys] });
    const args = [`--repo=${at}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=1h'];
    const process = sidecar([...args, `--relay=${relay.url}`]);
    await untilPublished(join(dir, 'root/link'), first, process);
    await untilPublished(join(dir, 'root/link'), upstream.commit({ a: 'two' }), process);
    await relay.process.stop();
    expect(server.log().match(/Accepted publickey/g)).toHaveLength(1);
  });
});

describe('refusals at the start', () => {
  test.each([
    [['--http-bind=:0', '--allow=https://h/*'], '--root must be set'],
    [['--root=/tmp/x', '--allow=https://h/*'], '--http-bind must be set'],
    [['--root=/tmp/x', '--http-bind=:0'], '--allow must be set'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://*/x'], 'ERR_RELAY_PATTERN'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--max-disk=lots'], '--max-disk'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--tls-cert-file=/x'], '--tls-key-file'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--access-file=/nonexistent'], 'ERR_RELAY_ACCESS_FILE'],
    [
      ['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--tls-cert-file=/x', '--tls-key-file=/x'],
      'ERR_SERVE_BIND',
    ],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--link=x'], '--link belongs to sync'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--alow=x'], 'Did you mean --allow'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', 'stray'], 'is no option'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--follow=https://h/a/b'], 'none of --allow covers it'],
    [['--root=/tmp/x', '--http-bind=:0', '--allow=https://h/*', '--depth=1'], '--depth belongs to sync'],
    [['--root=/proc/nope', '--http-bind=:0', '--allow=https://h/*'], 'ERR_ROOT_UNUSABLE'],
  ])('%j', async (args, said) => {
    const root = tempDir();
    const { code, stderr } = await run(['relay', ...args.map((arg) => arg.replace('/tmp/x', root))], {}, 'git-sidecar');
    expect(stderr).toContain(said);
    expect(code).toBeGreaterThan(0);
  });

  test.each([
    [['--repo=/srv/x.git', '--relay=http://h'], 'ERR_RELAY_REPOSITORY'],
    [['--repo=https://h/x', '--relay=ftp://h'], '--relay must look like'],
    [['--repo=https://h/x', '--relay=http://u:p@h'], '--relay must look like'],
    [['--repo=https://h/x', '--relay-fallback'], '--relay-fallback needs --relay'],
    [['--repo=https://h/x', '--relay=http://h', '--lfs'], '--lfs and --relay'],
    [['--repo=https://h/x', '--nats=h:4222'], '--nats must look like'],
  ])('sync %j', async (args, said) => {
    const { code, stderr } = await run([...args, `--root=${tempDir()}`]);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('u:p@');
    expect(code).toBe(1);
  });
});
