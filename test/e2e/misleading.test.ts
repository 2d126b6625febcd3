import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStub } from '../kit/http-stub.ts';
import { nginx } from '../kit/nginx.ts';
import { fixture } from '../kit/setup.ts';
import { type LogLine, published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { sshUnavailable } from '../peers/sshd.ts';

/** The first failure that a run to the end logged. */
function failure(stderr: string): LogLine & { hint?: string } {
  const line = stderr.split('\n').find((each) => each.startsWith('{') && each.includes('"sync failed"'));
  return JSON.parse(line ?? '{}') as LogLine & { hint?: string };
}

describe.skipIf(sshUnavailable())('an ssh Secret that is not there or cannot be read', () => {
  const setUp = async () => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    upstream.commit({ a: 'one' });
    const server = await sshd(join(dir, 'ssh'));
    const repo = `ssh://${userInfo().username}@127.0.0.1:${server.port}${upstream.bare}`;
    return { dir, server, args: [`--repo=${repo}`, `--root=${join(dir, 'root')}`, '--link=link', '--one-time'] };
  };

  test('says which files are missing, and does not speak of the host key', async () => {
    const { server, args } = await setUp();
    const away = '/nonexistent/git-secret';
    const { stderr } = await run([...args, `--ssh-key-file=${away}/ssh`, `--ssh-known-hosts-file=${away}/known_hosts`]);
    expect(failure(stderr)).toMatchObject({ code: 'ERR_REMOTE_SSH_FILE', hint: expect.stringContaining('fsGroup') });
    expect(failure(stderr).error).toContain(
      `${away}/known_hosts: there is no such file, nor the directory /nonexistent (ENOENT)`,
    );
    expect(failure(stderr).error).not.toContain('Host key verification failed');
    const key = await run([...args, `--ssh-key-file=${away}/ssh`, `--ssh-known-hosts-file=${server.knownHostsFile}`]);
    expect(failure(key.stderr)).toMatchObject({ code: 'ERR_REMOTE_SSH_FILE' });
    expect(failure(key.stderr).error).toContain(`the private key ${away}/ssh`);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'says mode and owner of a file that may not be read, and who we are',
    async () => {
      const { dir, server, args } = await setUp();
      const keys = join(dir, 'keys');
      mkdirSync(keys);
      copyFileSync(server.keyFile, join(keys, 'ssh'));
      copyFileSync(server.knownHostsFile, join(keys, 'known_hosts'));
      for (const name of ['ssh', 'known_hosts']) chmodSync(join(keys, name), 0o400);
      mkdirSync(join(dir, 'root'));
      execFileSync('chmod', ['a+rx', dir, keys]);
      execFileSync('chmod', ['a+rwx', join(dir, 'root')]);
      const files = [`--ssh-key-file=${keys}/ssh`, `--ssh-known-hosts-file=${keys}/known_hosts`];
      const { stderr } = spawnSync(process.execPath, [resolve('dist/git-sync.cjs'), ...args, ...files], {
        uid: 65534,
        gid: 65534,
        cwd: '/',
        env: { PATH: process.env.PATH, HOME: '/tmp' },
        encoding: 'utf8',
      });
      expect(failure(stderr), stderr).toMatchObject({ code: 'ERR_REMOTE_SSH_FILE' });
      expect(failure(stderr).error).toMatch(
        /known_hosts: it may not be read \(EACCES\): mode 0400, owner 0:0; this process is user 65534 with group 65534/,
      );
      expect(failure(stderr).error).toContain(`the private key ${keys}/ssh: it may not be read`);
    },
  );

  test('a key that others may read, and a file that is no key, are told apart from a key that is not known', async () => {
    const { dir, server, args } = await setUp();
    const key = join(dir, 'key');
    const known = `--ssh-known-hosts-file=${server.knownHostsFile}`;
    copyFileSync(server.keyFile, key);
    chmodSync(key, 0o644);
    expect(failure((await run([...args, known, `--ssh-key-file=${key}`])).stderr).hint).toContain('defaultMode: 0400');
    writeFileSync(key, 'no key\n');
    chmodSync(key, 0o600);
    expect(failure((await run([...args, known, `--ssh-key-file=${key}`])).stderr).hint).toContain('not a private key');
    const stranger = await run([...args, known, `--ssh-key-file=${server.strangerKeyFile}`]);
    expect(failure(stranger.stderr)).toMatchObject({
      code: 'ERR_REMOTE_AUTH',
      hint: expect.stringContaining('none of the keys'),
    });
  });
});

describe('a login page', () => {
  test.each([
    ['status 200', 200],
    ['a redirect to it', 302],
  ])('%s says that a web page came, not that a ref is missing', async (_name, status) => {
    const { args } = fixture();
    const stub = await httpStub((request, response) => {
      if (status === 200 || request.path.startsWith('/login'))
        return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Sign in</html>');
      response.writeHead(302, { location: '/login?from=git' }).end();
    });
    const { code, stderr } = await run([...args, `--repo=${stub.url}/team/repo.git`, '--one-time']);
    expect(code).toBe(1);
    expect(failure(stderr)).toMatchObject({ code: 'ERR_REMOTE_PROTOCOL', hint: expect.stringContaining('login page') });
  });

  test('in the place of a later answer says so as well, and what is published stays', async () => {
    const { dir, args, link, first } = fixture();
    const server = await nginx(join(dir, 'nginx'), { projectRoot: dir });
    let loggedOut = false;
    const stub = await httpStub(async (request, response) => {
      if (loggedOut) return void response.writeHead(302, { location: 'https://sso.example.com/login' }).end();
      const answer = await fetch(server.url + request.path, {
        method: request.method,
        headers: {
          'git-protocol': 'version=2',
          'content-type': String(request.headers['content-type'] ?? ''),
        },
        ...(request.method === 'POST' && { body: Buffer.from(request.body, 'latin1') }),
      });
      const body = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
    });
    const process = sidecar([...args, `--repo=${stub.url}/repo.git`, '--period=50ms', '--max-failures=-1']);
    await untilPublished(link, first, process);
    loggedOut = true;
    expect(await process.logged('ERR_REMOTE_PROTOCOL')).toMatchObject({ hint: expect.stringContaining('login page') });
    expect(published(link)).toBe(first);
  });
});

describe('credentials', () => {
  test('refused ones are called refused: nobody who has set a user name is told to set one', async () => {
    const { dir, args } = fixture();
    const server = await nginx(join(dir, 'nginx'), { projectRoot: dir, users: { me: 'right' } });
    const repo = `--repo=${server.url}/repo.git`;
    for (const more of [[], ['--git-config=http.version:HTTP/1.1']]) {
      const { stderr } = await run([...args, repo, '--username=me', '--one-time', ...more], {
        GITSYNC_PASSWORD: 'wrong',
      });
      expect(failure(stderr)).toMatchObject({ code: 'ERR_REMOTE_AUTH', hint: expect.stringContaining('expired') });
      expect(failure(stderr).hint).not.toContain('Set `--username`');
    }
    const none = await run([...args, repo, '--one-time']);
    expect(failure(none.stderr)).toMatchObject({ hint: expect.stringContaining('Set `--username`') });
  });

  test('a misspelt variable is named before the reason that it causes ends the start', async () => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, '--username=me'], { GITSYNC_PASSWROD: 'x' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/GITSYNC_PASSWROD .*did you mean GITSYNC_PASSWORD\?[\s\S]*--username needs/);
    const v3 = await run([], { GIT_SYNC_REPO: '/x', GIT_SYNC_USERNAME: 'me', GIT_SYNC_PASSWROD: 'x', HOME: '/tmp' });
    expect(v3.stderr).toMatch(/GIT_SYNC_PASSWROD .*did you mean GIT_SYNC_PASSWORD\?[\s\S]*--username needs/);
    const malformed = await run(args, { GITSYNC_PERIOD: 'soon', GITSYNC_PEROID: '1s' });
    expect(malformed.stderr).toMatch(/GITSYNC_PEROID[\s\S]*invalid duration/);
    const deployed = await run(['--repo=/x', '--username=me', '--', 'true'], { GITSYNC_PASSWROD: 'x' }, 'git-sidecar');
    expect(deployed.code).not.toBe(0);
  });

  test('a byte order mark and blank lines around the password in a file are no part of it', async () => {
    const { dir, args, link, first } = fixture();
    const server = await nginx(join(dir, 'nginx'), { projectRoot: dir, users: { me: ' p w ' } });
    const file = join(dir, 'password');
    writeFileSync(file, '\uFEFF\r\n\n p w \r\n\n');
    const withFile = [
      ...args,
      `--repo=${server.url}/repo.git`,
      '--username=me',
      `--password-file=${file}`,
      '--one-time',
    ];
    const { code, stderr } = await run(withFile);
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(first);
    writeFileSync(file, Buffer.from('\uFEFF p w ', 'utf16le'));
    expect(failure((await run(withFile)).stderr).error).toContain('UTF-16');
  });

  test('a password file that is not there says so, and what to look at', async () => {
    const { args } = fixture();
    const { stderr } = await run([...args, '--username=me', '--password-file=/nonexistent/pw', '--one-time']);
    expect(failure(stderr)).toMatchObject({
      code: 'ERR_REMOTE_CREDENTIAL_SOURCE',
      error: expect.stringContaining('nor the directory /nonexistent (ENOENT)'),
      hint: expect.stringContaining('fsGroup'),
    });
  });
});

describe('damage', () => {
  /** Gives the branch a commit whose new blob is an empty file on the server. */
  const damage = (upstream: Upstream): void => {
    upstream.write({ big: 'something new' });
    upstream.git('add', '-A');
    upstream.git('commit', '-q', '-m', 'damaged');
    upstream.push('HEAD:refs/other/damaged');
    const blob = upstream.head('HEAD:big');
    const path = join(upstream.bare, 'objects', blob.slice(0, 2), blob.slice(2));
    chmodSync(path, 0o644);
    truncateSync(path, 0);
    execFileSync('git', ['update-ref', 'refs/heads/main', upstream.head()], { cwd: upstream.bare });
  };

  test.each(['http', 'file'])(
    'at the server is not called unreachable, and what is here is not rebuilt (%s)',
    async (how) => {
      const { dir, upstream, root, link, first } = fixture();
      const server = await nginx(join(dir, 'nginx'), { projectRoot: dir });
      const url = how === 'http' ? `${server.url}/repo.git` : `file://${upstream.bare}`;
      const process = sidecar([`--repo=${url}`, `--root=${root}`, '--link=link', '--period=50ms', '--max-failures=-1']);
      await untilPublished(link, first, process);

      damage(upstream);
      const line = await process.logged('ERR_REMOTE_CORRUPT');
      expect(line.hint).toContain('on the git server');
      expect(process.count('the repository is damaged')).toBe(0);
      expect(published(link)).toBe(first);
    },
  );
});

test('a repository of ours that somebody removed is made anew: the URL is not blamed', async () => {
  const { dir, upstream, root, link, first, start } = fixture();
  const process = start();
  await untilPublished(link, first, process);
  // In one step: a cycle may be writing into it.
  renameSync(join(root, '.git'), join(dir, 'gone'));
  await untilPublished(link, upstream.commit({ a: 'two' }), process);
  expect(process.stderr).not.toContain('ERR_REMOTE');
});

describe('the termination message', () => {
  test('holds the last error and its hint, no secret, at most 4096 bytes, only in a file that is there', async () => {
    const { dir, args } = fixture();
    const file = join(dir, 'termination-log');
    const server = await nginx(join(dir, 'nginx'), { projectRoot: dir, users: { me: 'right' } });
    const failing = [...args, `--repo=${server.url}/repo.git`, '--username=me', `--termination-log=${file}`];
    const secret = { GITSYNC_PASSWORD: 'wr0ng-s3cret' };
    await run(failing, secret);
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, 'before');
    await run(failing, secret);
    expect(read(file)).toMatch(/too many failures in a row[\s\S]*401[\s\S]*ERR_TOO_MANY_FAILURES: .*--max-failures/);
    expect(read(file)).not.toContain('wr0ng-s3cret');
    await run([...args, `--ref=${'é'.repeat(4000)}`, `--termination-log=${file}`]);
    expect(Buffer.byteLength(readFileSync(file))).toBeLessThanOrEqual(4096);
    expect(read(file)).toMatch(/^giving up[\s\S]*keeps trying\.$/);
    expect(read(file)).not.toContain('\uFFFD');
  });

  test('tells of options that are refused too; a success, a signal and an empty path write nothing', async () => {
    const { dir, args, link, upstream } = fixture();
    const file = join(dir, 'termination-log');
    const to = { GITSYNC_TERMINATION_LOG: file };
    writeFileSync(file, 'before');
    expect((await run([...args, '--one-time'], to)).code).toBe(0);
    const process = sidecar([...args, '--period=50ms'], to);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect((await process.stop()).code).toBe(143);
    await run([...args, '--ref=nope', '--termination-log='], to);
    expect(read(file)).toBe('before');
    await run([...args, '--depth=-1'], to);
    expect(read(file)).toContain('--depth must be 0 or more\nERR_CONFIG_INVALID');
    await run([...args, '--nonsense'], to);
    expect(read(file)).toContain('unknown flag: --nonsense');
    await run(['relay', '--root=/x'], to, 'git-sidecar');
    expect(read(file)).toContain('--allow must be set');
    await run(['run'], to, 'git-sidecar');
    expect(read(file)).toContain('run needs --link');
  });
});
