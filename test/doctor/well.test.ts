import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStub } from '../kit/http-stub.ts';
import { nats } from '../kit/nats.ts';
import { nginx } from '../kit/nginx.ts';
import { proxy } from '../kit/proxy.ts';
import { startRelay } from '../kit/relay.ts';
import { script } from '../kit/script.ts';
import { Sidecar } from '../kit/sidecar.ts';
import { NGINX_PROGRAMS } from '../peers/nginx.ts';
import { freePort } from '../peers/ports.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';
import { diagnose, place, plain, socketServer } from './kit.ts';

const leftovers = (directory: string): string[] => readdirSync(directory).filter((name) => name.includes('doctor'));

/** The lines that are not ✓, without the one that names what does not apply. */
const notWell = (lines: readonly string[]): string[] => lines.slice(0, -1).filter((line) => !line.startsWith('✓'));

describe.skipIf(missing(...NGINX_PROGRAMS, 'nats-server'))('where all is well', () => {
  test('there are only ✓ for TLS, a proxy, a password, hooks, NATS and a port; it exits 0 and leaves nothing', {
    timeout: 40_000,
  }, async () => {
    const at = place();
    at.repository();
    mkdirSync(at.root);
    const server = await nginx(join(at.dir, 'nginx'), {
      projectRoot: join(at.dir, 'srv'),
      tls: true,
      users: { alice: 'S3cretPassword' },
    });
    const board = await nats(join(at.dir, 'nats'));
    const via = await proxy('u:S3cretProxy');
    const hook = await httpStub((_request, response) => void response.end());
    const { status, lines, stdout } = await diagnose(
      [
        `--repo=${server.url}/repo.git`,
        `--root=${at.root}`,
        '--ref=main',
        '--username=alice',
        `--password-file=${at.file('password', 'S3cretPassword\n')}`,
        `--http-bind=127.0.0.1:${await freePort()}`,
        `--exechook-command=${script(join(at.dir, 'hook'), 'true')}`,
        `--webhook-url=${hook.url}/S3cretPathOfTheHook`,
        `--nats=${board.url}`,
      ],
      { GIT_SSL_CAINFO: server.caFile, https_proxy: `http://u:S3cretProxy@${via.address}` },
    );
    expect(notWell(lines)).toEqual([]);
    const said = lines.map((line) => plain(line, at));
    for (const line of [
      '✓ proxy http://u:*****@127.0.0.1:PORT: it lets us through to 127.0.0.1:PORT',
      '✓ tls 127.0.0.1:PORT: TLSv1.2, localhost (DATE to DATE); key sha256//…; it ends in 1 days',
      '✓ credential source alice with DIR/password: they can be read',
      '✓ http https://127.0.0.1:PORT/repo.git: status 401 without credentials, status 200 with them',
      '✓ credentials https://127.0.0.1:PORT/repo.git: accepted: alice with the password in DIR/password',
      '✓ protocol https://127.0.0.1:PORT/repo.git: version 2',
      '✓ clock this machine: within 1 s of the server',
    ])
      expect(said).toContainEqual(line);
    expect(said.at(-1)).toMatch(/^– does not apply here: /);
    expect(status).toBe(0);
    expect(stdout).not.toContain('S3cret');
    // The webhook was only connected to.
    expect(hook.requests).toEqual([]);
    expect(leftovers(at.root)).toEqual([]);
  });

  test('a relay and its subscriber, and the units of a document', { timeout: 60_000 }, async () => {
    const at = place();
    at.repository();
    const server = await nginx(join(at.dir, 'nginx'), { projectRoot: join(at.dir, 'srv') });
    const repo = `${server.url}/repo.git`;
    const own = await diagnose(['relay', `--root=${at.root}`, '--http-bind=127.0.0.1:0', `--follow=${repo}`]);
    expect([own.status, notWell(own.lines)]).toEqual([0, []]);
    const relay = await startRelay({ dir: at.dir, args: [`--follow=${repo}`] });
    await until('the relay has the repository', async () => (await relay.get('/readyz')).status === 200);
    const through = await diagnose([`--repo=${repo}`, `--root=${at.root}`, `--relay=${relay.url}`]);
    expect([through.status, notWell(through.lines)]).toEqual([0, []]);
    expect(through.lines).toContainEqual(expect.stringMatching(/^✓ relay ref HEAD: HEAD is at [0-9a-f]{12}$/));
    const document = at.file(
      'd.yaml',
      `sync:\n  - {name: one, repo: '${repo}', root: ${at.dir}/one}\n  - {name: two, repo: '${repo}', root: ${at.dir}/two}\nrun:\n  - {name: app, from: one, command: ['true']}\n`,
    );
    const up = await diagnose(['up', document]);
    expect([up.status, notWell(up.lines)]).toEqual([0, []]);
    for (const line of ['✓ one: ref HEAD', '✓ two: ref HEAD', '✓ app: command true'])
      expect(up.lines).toContainEqual(expect.stringContaining(line));
  });

  test('JSON has the same and what does not apply', { timeout: 40_000 }, async () => {
    const at = place();
    const args = [`--repo=${at.repository()}`, `--root=${at.root}`];
    const [well, broken] = [
      await diagnose([...args, '--output=json']),
      await diagnose(['--output', 'json', ...args, '--ref=mian']),
    ].map(({ status, stdout }) => ({
      status,
      ...(JSON.parse(stdout) as { ok: boolean; checks: { check: string }[] }),
    }));
    expect(well).toMatchObject({ status: 0, ok: true });
    expect(well?.checks.find(({ check }) => check === 'webhook')).toMatchObject({
      mark: 'none',
      reason: 'it is not set',
    });
    expect(broken).toMatchObject({ status: 1, ok: false });
    expect(broken?.checks.find(({ check }) => check === 'ref')).toMatchObject({
      mark: 'wrong',
      target: 'mian',
      mend: expect.stringContaining('did you mean main?'),
    });
  });
});

describe('doctor', () => {
  test('shows no secret, wherever one is given and whatever fails', { timeout: 60_000 }, async () => {
    const at = place();
    at.repository();
    const server = await nginx(join(at.dir, 'nginx'), { projectRoot: join(at.dir, 'srv'), users: { alice: 'right' } });
    const host = new URL(server.url).host;
    const echo = await httpStub(({ path, headers }, response) => {
      // It says back what it was told.
      response.writeHead(500).end(`no ${path} for ${JSON.stringify(headers)}`);
    });
    const closed = await freePort();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const secretOfKey = pem.split('\n')[3] ?? '';
    const root = `--root=${at.root}`;
    const setUps: readonly (readonly [readonly string[], Record<string, string>])[] = [
      [[`--repo=http://alice:S3cretUrl@${host}/repo.git`, root], {}],
      [[`--repo=http://alice:S3cretUrl@127.0.0.1:${closed}/repo.git`, root], {}],
      [[`--repo=http://alice:S3cretUrl@${host}/repo.git`, root, '--bad=S3cretFlag', '--pasword=S3cretFlag'], {}],
      [[`--repo=${server.url}/repo.git`, root, '--username=alice'], { GITSYNC_PASSWORD: 'S3cretVariable' }],
      [[`--repo=${server.url}/repo.git`, root, '--username=alice', '--password=S3cretFlag'], {}],
      [
        [
          `--repo=${server.url}/repo.git`,
          root,
          `--credential={"url":"${server.url}","username":"a","password":"S3cretJson"}`,
        ],
        {},
      ],
      [[`--repo=${server.url}/repo.git`, root, '--credential={"url":"x","S3cretJson'], {}],
      [[`--repo=${echo.url}/repo.git`, root, '--git-config=http.extraHeader:"Authorization: Bearer S3cretHeader"'], {}],
      [
        [
          `--repo=${server.url}/repo.git`,
          root,
          `--askpass-url=http://u:S3cretUser@${new URL(echo.url).host}/S3cretPathOfTheService`,
        ],
        {},
      ],
      [[`--repo=${server.url}/repo.git`, root], { http_proxy: `http://u:S3cretProxy@127.0.0.1:${closed}` }],
      [
        [
          `--repo=${server.url}/repo.git`,
          root,
          `--webhook-url=http://u:S3cretUser@127.0.0.1:${closed}/S3cretPathOfTheHook`,
        ],
        {},
      ],
      [[`--repo=${server.url}/repo.git`, root], { GITSYNC_NATS: `nats://u:S3cretNats@127.0.0.1:${closed}` }],
      [
        [
          `--repo=${server.url}/repo.git`,
          root,
          '--github-app-application-id=1',
          '--github-app-installation-id=2',
          `--github-base-url=${echo.url}`,
        ],
        { GITSYNC_GITHUB_APP_PRIVATE_KEY: pem },
      ],
      [['relay', root, '--http-bind=:0', `--follow=http://alice:S3cretUrl@${host}/repo.git`], {}],
      [
        [
          'up',
          at.file(
            'd.yaml',
            `sync:\n  - {name: a, repo: '${server.url}/repo.git', root: ${at.root}, username: u, password: S3cretDocument, bad: S3cretDocument}\n`,
          ),
        ],
        {},
      ],
    ];
    for (const [args, env] of setUps)
      for (const output of ['text', 'json']) {
        const { status, stdout, stderr } = await diagnose([...args, `--output=${output}`], env);
        expect(status, args.join(' ')).toBe(1);
        for (const secret of ['S3cret', secretOfKey, Buffer.from('alice:S3cretUrl').toString('base64')])
          expect(stdout + stderr, args.join(' ')).not.toContain(secret);
      }
  });

  test('ended by a signal it removes what it made', { timeout: 40_000 }, async () => {
    const at = place();
    mkdirSync(at.root);
    const temporary = join(at.dir, 'tmp');
    mkdirSync(temporary);
    const port = await socketServer();
    const args = ['doctor', `--repo=http://127.0.0.1:${port}/x`, `--root=${at.root}`];
    const process = new Sidecar(args, { TMPDIR: temporary }, { command: 'git-sidecar' });
    await until('it works', () => readdirSync(temporary).some((name) => name.startsWith('git-sidecar-doctor-')));
    const { code } = await process.stop('SIGTERM');
    expect([code, process.stdout]).toEqual([143, '']);
    expect([readdirSync(temporary), readdirSync(at.root)]).toEqual([[], []]);
  });

  test('needs no directory for temporary files but the root, and leaves nothing there', {
    timeout: 40_000,
  }, async () => {
    const at = place();
    mkdirSync(at.root);
    const repo = `--repo=${at.repository()}`;
    const { status, lines } = await diagnose([repo, `--root=${at.root}`], { TMPDIR: '/nope' });
    expect([status, notWell(lines)]).toEqual([0, []]);
    expect(readdirSync(at.root)).toEqual([]);
    const nowhere = await diagnose([repo, '--root=/proc/nope'], { TMPDIR: '/nope' });
    expect(nowhere.lines).toContainEqual(expect.stringContaining('✗ temporary files TMPDIR: '));
    expect(nowhere.lines).toContainEqual(
      expect.stringContaining('→ set TMPDIR to a directory that this user may write to'),
    );
  });

  test('the hint of a failing sync names it', { timeout: 40_000 }, async () => {
    const at = place();
    writeFileSync(join(at.dir, 'x'), '');
    const process = new Sidecar([`--repo=http://127.0.0.1:${await freePort()}/x`, `--root=${at.root}`, '--one-time']);
    await process.exited;
    const line = process.logs.find(({ code }) => code === 'ERR_REMOTE_UNREACHABLE');
    expect(line?.hint).toContain('Run `git-sidecar doctor` with the same flags');
  });
});
