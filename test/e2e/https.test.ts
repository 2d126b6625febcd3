import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { proxy } from '../kit/proxy.ts';
import { read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { NGINX_PROGRAMS, type NginxOptions } from '../peers/nginx.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

const USERS = { alice: 'correct horse' };

describe.skipIf(missing(...NGINX_PROGRAMS))('sync over nginx, git-http-backend, TLS and basic auth', () => {
  async function setUp(options: Partial<NginxOptions> = {}) {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    const oid = upstream.commit({ a: 'one' });
    const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv'), tls: true, ...options });
    const root = join(dir, 'root');
    return { dir, upstream, oid, server, root, link: join(root, 'repo.git'), repo: `${server.url}/repo.git` };
  }

  test('trusts a private CA given as git is given it, and polls natively', async () => {
    const { upstream, oid, server, root, link, repo } = await setUp({ users: USERS });
    const process = sidecar([`--repo=${repo}`, `--root=${root}`, '--period=50ms', '-v=5'], {
      GIT_SSL_CAINFO: server.caFile,
      GITSYNC_USERNAME: 'alice',
      GITSYNC_PASSWORD: 'correct horse',
    });
    await untilPublished(link, oid, process);
    const next = upstream.commit({ a: 'two' });
    await untilPublished(link, next, process);
    expect((await process.logged('polling')).how).toContain('ls-refs');
    expect(process.stderr).not.toContain('correct horse');
    expect(read(root, '.git', 'config')).not.toContain('correct');
    const before = readFileSync(server.accessLog, 'utf8').split('\n').length;
    const lines = await until('there were some polls', () => {
      const found = readFileSync(server.accessLog, 'utf8')
        .split('\n')
        .slice(before - 1, -1);
      return found.length > 4 ? found : undefined;
    });
    expect(lines.every((line) => line.includes('"POST /repo.git/git-upload-pack HTTP/1.1" 200'))).toBe(true);
  });

  test('refuses a server whose certificate nobody vouches for', async () => {
    const { root, repo } = await setUp();
    const { code, stderr } = await run([`--repo=${repo}`, `--root=${root}`, '--one-time']);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_REMOTE_UNREACHABLE');
    expect(stderr).toMatch(/certificate/i);
  });

  test('fails with wrong credentials, names no secret, and goes on when the password file is corrected', async () => {
    const { dir, oid, server, root, link, repo } = await setUp({ users: USERS });
    const file = join(dir, 'password');
    writeFileSync(file, 'wrong-secret\n');
    const process = sidecar(
      [
        `--repo=${repo}`,
        `--root=${root}`,
        '--period=50ms',
        '--max-failures=-1',
        '--username=alice',
        `--password-file=${file}`,
        '-v=9',
      ],
      { GIT_SSL_CAINFO: server.caFile },
    );
    await process.logged('ERR_REMOTE_AUTH');
    writeFileSync(file, 'correct horse\n');
    await untilPublished(link, oid, process);
    server.setUsers({ alice: 'rotated-secret' });
    await until(
      'the rotation is noticed',
      () => process.logs.filter((line) => line.code === 'ERR_REMOTE_AUTH').length > 1,
    );
    writeFileSync(file, 'rotated-secret');
    const recovered = process.count('sync failed');
    await until('polls succeed again', async () => {
      const failures = process.count('sync failed');
      await delay(400);
      return process.count('sync failed') === failures && failures >= recovered;
    });
    for (const secret of ['wrong-secret', 'correct horse', 'rotated-secret'])
      expect(process.stderr).not.toContain(secret);
  });

  test('takes user name and password from the URL and shows neither', async () => {
    const { server, oid, root, link } = await setUp({ users: USERS });
    const process = sidecar(
      [
        `--repo=https://alice:correct%20horse@127.0.0.1:${server.port}/repo.git`,
        `--root=${root}`,
        '--one-time',
        '-v=9',
      ],
      {
        GIT_SSL_CAINFO: server.caFile,
      },
    );
    expect((await process.exited).code).toBe(0);
    await untilPublished(link, oid);
    expect(process.stderr + read(root, '.git', 'config')).not.toMatch(/correct(%20| )horse/);
  });

  test('asks with git ls-remote when the server speaks protocol v0 only, decides that once and says why', async () => {
    const { upstream, oid, server, root, link, repo } = await setUp({ withoutProtocol: true });
    const process = sidecar([`--repo=${repo}`, `--root=${root}`, '--period=50ms'], { GIT_SSL_CAINFO: server.caFile });
    await untilPublished(link, oid, process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect((await process.logged('polling with git ls-remote from now on')).reason).toContain('protocol v0');
    expect(process.count('polling with git ls-remote from now on')).toBe(1);
  });

  test('follows the redirect of the first request as git does', async () => {
    const { server, oid, root, link } = await setUp();
    const { code } = await run([`--repo=${server.url}/moved/repo.git`, `--root=${root}`, '--one-time'], {
      GIT_SSL_CAINFO: server.caFile,
    });
    expect(code).toBe(0);
    await untilPublished(link, oid);
  });

  test('sends http.extraHeader and http.sslCAInfo from --git-config on the native path too', async () => {
    const { server, oid, root, link, repo } = await setUp({ users: USERS });
    const header = `Authorization: Basic ${Buffer.from('alice:correct horse').toString('base64')}`;
    const process = sidecar([
      `--repo=${repo}`,
      `--root=${root}`,
      '--one-time',
      '-v=5',
      `--git-config=http.extraHeader:"${header}",http.sslCAInfo:${server.caFile}`,
    ]);
    expect((await process.exited).code, process.stderr).toBe(0);
    await untilPublished(link, oid);
    expect(process.count('git ls-remote from now on')).toBe(0);
    expect(process.stderr).not.toContain(header.slice(-20));
  });

  test('several credentials: each URL gets its own, a submodule on the same host included', async () => {
    const { dir, server, root, link } = await setUp({ users: USERS });
    const sub = new Upstream(join(dir, 'srv'), 'sub.git');
    sub.commit({ s: 'sub' });
    const main = new Upstream(join(dir, 'srv'), 'main.git');
    main.git('-c', 'http.sslVerify=false', 'submodule', '--quiet', 'add', '../sub.git', 'lib');
    main.git('config', '-f', '.gitmodules', 'submodule.lib.url', '../sub.git');
    const oid = main.commit({ m: 'main' });
    const process = sidecar(
      [
        `--repo=${server.url}/main.git`,
        `--root=${root}`,
        '--link=repo.git',
        '--one-time',
        `--credential={"url":"${server.url}","username":"alice","password":"correct horse"}`,
      ],
      { GIT_SSL_CAINFO: server.caFile },
    );
    expect((await process.exited).code, process.stderr).toBe(0);
    await untilPublished(link, oid);
    expect(read(link, 'lib', 's')).toBe('sub');
  });

  test('leaves no file outside the root', async () => {
    const { dir, oid, server, root, link, repo } = await setUp({ users: USERS });
    const tmp = join(dir, 'tmp');
    writeFileSync(join(dir, 'x'), '');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(tmp);
    const process = sidecar([`--repo=${repo}`, `--root=${root}`, '--period=50ms'], {
      GIT_SSL_CAINFO: server.caFile,
      GITSYNC_USERNAME: 'alice',
      GITSYNC_PASSWORD: 'correct horse',
      TMPDIR: tmp,
    });
    await untilPublished(link, oid, process);
    expect(readdirSync(tmp)).toHaveLength(1);
    await process.stop();
    expect(readdirSync(tmp)).toEqual([]);
  });

  test('shows the client certificate that git is given, natively too', async () => {
    const { oid, server, root, link, repo } = await setUp({ clientCertificate: true });
    const args = [`--repo=${repo}`, `--root=${root}`, '--one-time', '-v=1'];
    const refused = await run(args, { GIT_SSL_CAINFO: server.caFile });
    expect(refused.code).toBe(1);
    const env = { GIT_SSL_CAINFO: server.caFile, GIT_SSL_CERT: server.caFile, GIT_SSL_KEY: server.keyFile };
    const { code, stderr } = await run(args, env);
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('git ls-remote from now on');
    await untilPublished(link, oid);
  });

  test('goes through the proxy of the environment, natively and with git alike', async () => {
    const { upstream, oid, server, root, link, repo } = await setUp();
    const { address, seen } = await proxy('me:prox y');
    const process = sidecar([`--repo=${repo}`, `--root=${root}`, '--period=50ms', '--depth=0', '-v=5'], {
      GIT_SSL_CAINFO: server.caFile,
      https_proxy: `http://me:prox%20y@${address}`,
    });
    await untilPublished(link, oid, process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(process.count('git ls-remote from now on')).toBe(0);
    expect(seen.filter((line) => line.startsWith('CONNECT') && line.includes('git/'))).not.toEqual([]);
    expect(seen.filter((line) => line.startsWith('CONNECT') && !line.includes('git/'))).not.toEqual([]);
    expect(process.stderr).not.toMatch(/prox(%20| )y/);
  });

  test('an http proxy from --git-config, for a plain http URL', async () => {
    const { dir, oid, root, link } = await setUp();
    const plain = await nginx(join(dir, 'plain'), { projectRoot: join(dir, 'srv') });
    const { address, seen } = await proxy('u:p');
    const { code, stderr } = await run([
      `--repo=${plain.url}/repo.git`,
      `--root=${root}`,
      '--one-time',
      '--depth=0',
      `--git-config=http.proxy:"http://u:p@${address}"`,
    ]);
    expect(code, stderr).toBe(0);
    await untilPublished(link, oid);
    expect(seen.some((line) => line.startsWith('POST') && line.includes('git-sidecar'))).toBe(true);
    expect(seen.some((line) => line.startsWith('POST') && line.includes('git/'))).toBe(true);
  });

  test('sends the cookies of the cookie file', async () => {
    const { dir, server, oid, root, link, repo } = await setUp({ cookie: 'pass=letmein' });
    const file = join(dir, 'cookies');
    writeFileSync(file, `127.0.0.1\tFALSE\t/\tTRUE\t0\tpass\tletmein\n`);
    const config = `http.cookieFile:${file},http.sslCAInfo:${server.caFile}`;
    const { code, stderr } = await run([
      `--repo=${repo}`,
      `--root=${root}`,
      '--one-time',
      `--git-config=${config}`,
      '-v=1',
    ]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('ls-refs');
    await untilPublished(link, oid);
  });
});
