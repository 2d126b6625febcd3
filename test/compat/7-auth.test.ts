import { generateKeyPairSync } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { startGitServer } from '../../src/demo/git-server.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { httpGit } from '../kit/http-git.ts';
import { httpStub } from '../kit/http-stub.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { GIT_ENV } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

/** A git server that wants basic auth for `accepted`, in front of git http-backend. */
async function guarded(projectRoot: string, accepted: { pair: string }) {
  const backend = await startGitServer({ runner: createProcessRunner(), env: GIT_ENV, projectRoot });
  const stub = await httpStub(async (request, response) => {
    const sent = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
    if (sent !== accepted.pair) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    const answer = await fetch(backend.url + request.path, {
      method: request.method,
      headers: {
        'git-protocol': String(request.headers['git-protocol'] ?? ''),
        'content-type': String(request.headers['content-type'] ?? ''),
        'content-encoding': String(request.headers['content-encoding'] ?? ''),
      },
      ...(request.method === 'POST' && { body: Buffer.from(request.body, 'latin1') }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
  });
  return { url: stub.url, requests: stub.requests, close: () => backend.close() };
}

describe('compat 7 askpass', () => {
  test('credentials from the URL’s answer: keys exact, the last one counts, values keep further =, asked for every attempt', async () => {
    const { dir, root, link, first, upstream } = fixture();
    const accepted = { pair: 'me:a=b=c' };
    const server = await guarded(dir, accepted);
    const askpass = await httpStub(
      (_request, response) =>
        void response.end(`username=nobody\nusername=me\npassword=${accepted.pair.slice(3)}\n noise=1\n`),
    );
    const process = sidecar([
      `--repo=${server.url}/repo.git`,
      `--root=${root}`,
      '--link=link',
      '--period=50ms',
      '--max-failures=-1',
      '-v=9',
      `--askpass-url=${askpass.url.replace('//', '//bot:s3cr3t@')}`,
    ]);
    await untilPublished(link, first, process);
    expect(process.stderr).not.toMatch(/a=b=c|s3cr3t/);
    const before = askpass.requests.length;
    accepted.pair = 'me:rotated-pass';
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(askpass.requests.length).toBeGreaterThan(before);
    expect(askpass.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('bot:s3cr3t').toString('base64')}`);
    await server.close();
  });

  test.each([
    [
      'compat 9.12: no user name',
      (response: import('node:http').ServerResponse) => void response.end('password=x\n'),
      'username=',
    ],
    [
      'compat 9.12: no password',
      (response: import('node:http').ServerResponse) => void response.end('username=x\n'),
      'password=',
    ],
    [
      'another status',
      (response: import('node:http').ServerResponse) => void response.writeHead(500).end(),
      'status 500',
    ],
    [
      'a redirect',
      (response: import('node:http').ServerResponse) => void response.writeHead(302, { location: '/x' }).end(),
      'status 302',
    ],
    ['none at all', (response: import('node:http').ServerResponse) => void response, 'no answer within 1000 ms'],
  ])('%s is a failure, and the next attempt asks again', async (_name, answer, said) => {
    const { args, first, link } = fixture();
    let late = false;
    const askpass = await httpStub((_request, response) =>
      late ? void response.end('username=a\npassword=b\n') : answer(response),
    );
    const process = sidecar([
      ...args,
      '--period=50ms',
      '--max-failures=-1',
      `--askpass-url=${askpass.url}`,
      '--http-bind=127.0.0.1:0',
      '--http-metrics',
    ]);
    const line = await process.logged('ERR_REMOTE_CREDENTIAL_SOURCE');
    expect(line.error).toContain(said);
    late = true;
    await untilPublished(link, first, process);
    const { port } = await process.logged('serving HTTP');
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toMatch(
      /git_sync_askpass_calls\{status="error"\} \d/,
    );
  });
});

describe('compat 7 GitHub App', () => {
  test('RS256 token request as GitHub wants it; the installation token is used as the password and renewed in time', async () => {
    const { dir, root, link, first, upstream } = fixture();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keyFile = join(dir, 'app.pem');
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs1', format: 'pem' }));
    const accepted = { pair: '-:token-0' };
    const server = await guarded(dir, accepted);
    let issued = 0;
    const claims: Record<string, unknown>[] = [];
    const api = await httpStub(async (request, response) => {
      const jwt = (request.headers.authorization ?? '').replace('Bearer ', '');
      claims.push((await jwtVerify(jwt, publicKey, { algorithms: ['RS256'] })).payload);
      issued += 1;
      accepted.pair = `-:token-${issued}`;
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          token: `token-${issued}`,
          expires_at: new Date(Date.now() + (issued === 1 ? 25_000 : 3_600_000)).toISOString(),
        }),
      );
    });
    const process = sidecar([
      `--repo=${server.url}/repo.git`,
      `--root=${root}`,
      '--link=link',
      '--period=50ms',
      '-v=9',
      `--github-base-url=${api.url}`,
      '--github-app-application-id=42',
      '--github-app-installation-id=7',
      `--github-app-private-key-file=${keyFile}`,
    ]);
    await untilPublished(link, first, process);
    await until('a token with less than 30 s left is replaced', () => issued === 2);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await delay(300);
    expect(issued).toBe(2);
    expect(api.requests[0]).toMatchObject({ method: 'POST', path: '/app/installations/7/access_tokens' });
    expect(api.requests[0]?.headers.accept).toBe('application/vnd.github+json');
    const { iss, iat, exp } = claims[0] as { iss: string; iat: number; exp: number };
    expect([iss, exp - iat]).toEqual(['42', 600]);
    expect(process.stderr).not.toMatch(/token-\d/);
    await server.close();
  });

  test('compat 9.12: an unreadable key file is a failure like others, within --max-failures', async () => {
    const { args } = fixture();
    const process = sidecar([
      ...args,
      '--period=30ms',
      '--max-failures=-1',
      '--github-app-client-id=c',
      '--github-app-installation-id=7',
      '--github-app-private-key-file=/no/key',
    ]);
    await until(
      'it fails again and again',
      () => process.logs.filter((line) => line.code === 'ERR_REMOTE_CREDENTIAL_SOURCE').length >= 2,
    );
  });
});

describe('compat 7 credentials', () => {
  test('every git process, and `git credential fill` of a --git wrapper, gets them; argv and configuration hold none', async () => {
    const { dir, root, link, first } = fixture();
    const server = await guarded(dir, { pair: 'me:pass word' });
    const wrapper = script(
      join(dir, 'git'),
      `printf '%s\\n' "$*" >> ${dir}/argv`,
      `case "$*" in *fetch*) printf 'protocol=http\\nhost=${server.url.slice(7)}\\n\\n' | git credential fill > ${dir}/filled ;; esac`,
      'exec git "$@"',
    );
    const { code, stderr } = await run(
      [`--repo=${server.url}/repo.git`, `--root=${root}`, '--link=link', '--one-time', `--git=${wrapper}`],
      {
        GITSYNC_USERNAME: 'me',
        GITSYNC_PASSWORD: 'pass word\n',
      },
    );
    expect(code, stderr).toBe(0);
    await untilPublished(link, first);
    expect(read(dir, 'filled')).toContain('username=me\npassword=pass word\n');
    expect((read(dir, 'argv') ?? '') + (read(root, '.git/config') ?? '')).not.toContain('pass word');
    await server.close();
  });

  test('secrets given as flags vanish from the list of processes', async () => {
    const { args, link, first } = fixture();
    const process = sidecar([
      ...args,
      '--period=50ms',
      '--username=me',
      '--password=on-argv-1',
      '--credential={"url":"https://h","username":"u","password":"on-argv-2"}',
    ]);
    await untilPublished(link, first, process);
    expect(read('/proc', String(process.child.pid), 'cmdline')).not.toContain('on-argv');
  });

  test('the right credential is chosen by path, then by host', async () => {
    const { dir, first, root, link } = fixture();
    const server = await guarded(dir, { pair: 'right:pw1' });
    const credentials = JSON.stringify([
      { url: `${server.url}/repo.git`, username: 'right', password: 'pw1' },
      { url: server.url, username: 'wrong', password: 'pw2' },
    ]);
    const { code, stderr } = await run([
      `--repo=${server.url}/repo.git`,
      `--root=${root}`,
      '--link=link',
      '--one-time',
      `--credential=${credentials}`,
    ]);
    expect(code, stderr).toBe(0);
    await untilPublished(link, first);
    await server.close();
  });

  test('v3 reads user name and password from its variables', async () => {
    const { dir, first, root, link } = fixture();
    const server = await guarded(dir, { pair: 'jylee:mypassword' });
    const { code, stderr } = await run(
      [`--repo=${server.url}/repo.git`, '--branch=main', `--root=${root}`, '--dest=link', '--one-time'],
      {
        GIT_SYNC_USERNAME: 'jylee',
        GIT_SYNC_PASSWORD: 'mypassword',
      },
    );
    expect(code, stderr).toBe(0);
    await untilPublished(link, first);
    await server.close();
  });

  test('a missing password file is a failure that heals when it appears', async () => {
    const { dir, first, root, link } = fixture();
    const server = await guarded(dir, { pair: 'me:secret1' });
    const file = join(dir, 'pw');
    const process = sidecar([
      `--repo=${server.url}/repo.git`,
      `--root=${root}`,
      '--link=link',
      '--period=50ms',
      '--max-failures=-1',
      '--username=me',
      `--password-file=${file}`,
    ]);
    await process.logged('ERR_REMOTE_CREDENTIAL_SOURCE');
    writeFileSync(`${file}.new`, 'secret1\n');
    renameSync(`${file}.new`, file);
    await untilPublished(link, first, process);
    await server.close();
  });
});

describe('design D8: a server that asks for time gets it', () => {
  test('429 with Retry-After: the next attempt waits that long', async () => {
    const { dir, root, link, first } = fixture();
    const backend = await httpGit(dir);
    const times: number[] = [];
    const busy = await httpStub(async (request, response) => {
      times.push(Date.now());
      if (times.length === 1) return void response.writeHead(429, { 'retry-after': '2' }).end();
      const headers = { 'git-protocol': 'version=2', 'content-type': String(request.headers['content-type'] ?? '') };
      const post = request.method === 'POST' && { body: Buffer.from(request.body, 'latin1') };
      const answer = await fetch(backend + request.path, { method: request.method, headers, ...post });
      response
        .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        .end(Buffer.from(await answer.arrayBuffer()));
    });
    const process = sidecar([
      `--repo=${busy.url}/repo.git`,
      `--root=${root}`,
      '--link=link',
      '--period=50ms',
      '--max-failures=-1',
    ]);
    await process.logged('ERR_REMOTE_BUSY');
    await untilPublished(link, first, process);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1900);
  });
});
