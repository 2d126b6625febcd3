import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../src/run/instance.ts';
import { httpStub } from '../kit/http-stub.ts';
import { deployed, runFixture } from '../kit/runner.ts';
import { fixture } from '../kit/setup.ts';
import { read, Sidecar } from '../kit/sidecar.ts';
import { goodApp } from '../kit/web-app.ts';
import { notTried } from '../peers/not-tried.ts';
import { delay, until } from '../peers/wait.ts';

const text = async (port: number): Promise<string> => await (await fetch(`http://127.0.0.1:${port}/`)).text();

describe('run: probation', () => {
  test('a process that becomes ready and dies soon gives the traffic back, and is left out', async () => {
    const it = await runFixture();
    const port = await findFreePort();
    const good = it.publisher.publish(goodApp('v1'));
    const process = it.start([`--listen=127.0.0.1:${port}`, '--ready-http=/', '--ready-for=3s'], ['node', 'server.js']);
    await process.logged('serving, on probation', 30_000);
    expect(await text(port)).toBe('v1');
    await deployed(process, good);
    const { pid } = (await it.status()).running ?? {};
    const app = goodApp('v2')['server.js'];
    const bad = it.publisher.publish({ 'server.js': `${app}; setTimeout(() => process.exit(0), 700);`, version: 'v2' });
    expect(await deployed(process, bad)).toMatchObject({
      outcome: 'failed',
      reason: 'it exited with status 0 soon after it became ready',
    });
    expect(await text(port)).toBe('v1');
    expect((await it.status()).running).toMatchObject({ oid: good, pid });
    expect(Object.keys((await it.status()).quarantined)).toEqual([bad]);
  }, 60_000);

  test('a push is served as soon as it is ready, also during the probation of the one before', async () => {
    const it = await runFixture();
    const port = await findFreePort();
    it.publisher.publish(goodApp('v1'));
    const process = it.start(
      [`--listen=127.0.0.1:${port}`, '--ready-http=/', '--ready-for=10m'],
      ['node', 'server.js'],
    );
    for (const version of ['v1', 'v2', 'v3']) {
      if (version !== 'v1') it.publisher.publish(goodApp(version));
      await until(`${version} is served`, async () => (await text(port).catch(() => '')) === version, 60_000);
    }
    expect(process.logs.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  }, 120_000);
});

describe('run: its exit status', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const)('ended by %s while there is no process: %d', async (signal, status) => {
    const it = await runFixture();
    const process = it.start([], ['sleep', '100']);
    await process.logged('serving HTTP');
    await until('it listens', async () => (await it.status().catch(() => undefined)) !== undefined);
    expect((await process.stop(signal)).code).toBe(status);
  });

  test.each([
    ['SEGV', 139],
    ['ABRT', 134],
    ['XCPU', 152],
    ['USR2', 140],
  ])('with --restart=never, when %s ended the process: %d', async (signal, status) => {
    const it = await runFixture();
    it.publisher.publish({ 'app.sh': `sleep 0.3; ulimit -c 0; kill -${signal} $$` });
    expect((await it.start(['--restart=never'], ['sh', 'app.sh']).exited).code).toBe(status);
  });
});

test('a daemon that a build leaves behind is ended and named', async () => {
  const it = await runFixture();
  const file = join(it.dir, 'pid');
  const first = it.publisher.publish({ version: '1' });
  const build = `setsid sh -c 'echo $$ > ${file}; exec sleep 300' & while [ ! -s ${file} ]; do sleep 0.02; done`;
  const process = it.start([`--build=${build}`], ['sleep', '100']);
  expect((await deployed(process, first)).outcome).toBe('deployed');
  const pid = readFileSync(file, 'utf8').trim();
  expect((await process.logged('the build left processes behind')).processes).toBe(`${pid} (sleep)`);
  expect(existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBeFalsy();
});

describe('run: a new Pod', () => {
  test('a build that fails once is tried again, and the Pod comes up', async () => {
    const it = await runFixture();
    const flag = join(it.dir, 'registry');
    const first = it.publisher.publish({ version: '1' });
    const process = it.start([`--build=test -e ${flag}`], ['sh', '-c', 'exec sleep 100']);
    expect((await deployed(process, first)).outcome).toBe('build-failed');
    writeFileSync(flag, '');
    await until('it runs', async () => (await it.status()).running?.oid === first, 30_000);
    expect((await it.status()).quarantined).toEqual({});
  }, 60_000);
});

describe('run --repo: what the sync in it does', () => {
  test('error file, touch file, umask, wake-up by signal, profiles', async () => {
    const { dir, upstream, root } = fixture();
    const port = await findFreePort();
    const first = upstream.commit({ version: 'one' });
    const process = new Sidecar(
      [
        ...['run', `--repo=${upstream.bare}`, `--root=${root}`, '--link=link', '--period=1h', `--state=${dir}/state`],
        ...['--error-file=error.json', '--touch-file=touched', '--group-write', '--sync-on-signal=HUP'],
        ...[`--http-bind=127.0.0.1:${port}`, '--http-pprof', '--drain-delay=0s'],
        ...['--ready-delay=100ms', '--ready-for=0s', '--', 'sleep', '100'],
      ],
      {},
      { command: 'git-sidecar' },
    );
    await deployed(process, first);
    expect(existsSync(join(root, 'touched'))).toBe(true);
    expect(statSync(join(root, 'link', 'version')).mode & 0o020).toBe(0o020);
    expect((await fetch(`http://127.0.0.1:${port}/debug/pprof/`)).status).toBe(200);
    const second = upstream.commit({ version: 'two' });
    process.kill('SIGHUP');
    await deployed(process, second);
    const away = `${upstream.bare}.away`;
    const { renameSync } = await import('node:fs');
    renameSync(upstream.bare, away);
    process.kill('SIGHUP');
    await until('the error file is there', () => read(root, 'error.json') !== undefined);
    renameSync(away, upstream.bare);
    process.kill('SIGHUP');
    await until('and gone again', () => read(root, 'error.json') === undefined);
    await process.stop();
  }, 60_000);

  test('no secret reaches the application, its build or a hook', async () => {
    const { dir, upstream, root } = fixture();
    const first = upstream.commit({ version: 'one' });
    const { url } = await httpStub((_request, response) => void response.end('username=u\npassword=hidden-5\n'));
    const secrets = {
      GITSYNC_ASKPASS_URL: `${url}/?token=hidden-1`,
      GIT_SYNC_WEBHOOK_URL: `${url}/hidden-2`,
      GITSYNC_GIT_CONFIG: 'http.https://h.extraheader:"X: hidden-3"',
      GIT_SYNC_PASSWORD: '',
      GITSYNC_TOKEN: 'hidden-4',
      OWN: 'kept',
    };
    const line = (name: string): string => `env > ${dir}/env-${name}`;
    const hook = join(dir, 'hook.sh');
    writeFileSync(hook, `#!/bin/sh\n${line('hook')}\n`, { mode: 0o755 });
    const process = new Sidecar(
      [
        ...['run', `--repo=${upstream.bare}`, `--root=${root}`, '--link=link', `--state=${dir}/state`],
        ...[`--exechook-command=${hook}`, `--build=${line('build')}`, '--ready-delay=100ms', '--ready-for=0s'],
        ...['--', 'sh', '-c', `${line('app')}; exec sleep 100`],
      ],
      secrets,
      { command: 'git-sidecar' },
    );
    await deployed(process, first);
    const names = ['env-app', 'env-build', 'env-hook'];
    await until('all were started', () => names.every((name) => read(dir, name)?.includes('OWN=kept')));
    for (const name of names) expect(read(dir, name), name).not.toContain('hidden');
    expect(process.stderr).not.toContain('hidden');
    await process.stop();
  }, 60_000);
});

/** Takes every inotify instance that this user may have, says so, and keeps them. */
const HOARDER = `
import ctypes, resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
libc = ctypes.CDLL(None, use_errno=True)
while libc.inotify_init() >= 0: pass
print(ctypes.get_errno(), flush=True)
time.sleep(300)
`;
/** More than a process of ours may have files open for, or than is sensible. */
const MOST_INSTANCES = 4096;

test('run goes on where no inotify instance is free, and names the setting', async ({ skip }) => {
  const most = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
  if (process.getuid?.() !== 0 || most > MOST_INSTANCES || !existsSync('/usr/bin/python3')) {
    notTried(`needs root, python3 and a small max_user_instances (it is ${most})`);
    return skip();
  }
  // A user that nobody else is.
  const uid = 400_000 + (process.pid % 100_000);
  const hoarder = spawn('/usr/bin/python3', ['-c', HOARDER], { uid, gid: uid, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void hoarder.kill('SIGKILL'));
  let said = '';
  hoarder.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until('all instances are taken', () => said.endsWith('\n'), 30_000);
  expect(said.trim()).toBe('24');
  const it = await runFixture();
  const first = it.publisher.publish({ version: '1' });
  const { chmodSync, chownSync, mkdirSync } = await import('node:fs');
  chmodSync(it.dir, 0o755);
  mkdirSync(it.stateDir);
  chownSync(it.stateDir, uid, uid);
  const args = [`--link=${it.publisher.link}`, `--state=${it.stateDir}`, '--ready-delay=50ms', '--ready-for=0s'];
  const run = new Sidecar(
    ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', `${process.cwd()}/dist/git-sidecar.cjs`, 'run'].concat(
      [...args, '--recheck=100ms', '--', 'sleep', '100'],
    ),
    {},
    { file: 'setpriv' },
  );
  await deployed(run, first);
  expect((await run.logged('cannot be watched')).reason).toContain('fs.inotify.max_user_instances');
  await deployed(run, it.publisher.publish({ version: '2' }));
  await delay(300);
  expect(run.count('cannot be watched')).toBe(1);
  expect(readdirSync(join(it.stateDir, 'releases')).length).toBeGreaterThan(1);
  await run.stop();
}, 90_000);
