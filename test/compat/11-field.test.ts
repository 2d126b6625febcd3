import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { freePort } from '../peers/ports.ts';
import { sshUnavailable } from '../peers/sshd.ts';
import { until } from '../peers/wait.ts';

describe('compat 11 real configurations', () => {
  test.skipIf(sshUnavailable())('Airflow chart, v3 era, over ssh: the init container, then the sidecar', async () => {
    const { dir, upstream, root, first } = fixture();
    upstream.git('branch', 'v2-2-stable');
    upstream.push('v2-2-stable');
    const server = await sshd(join(dir, 'ssh'));
    const env = {
      GIT_SSH_KEY_FILE: server.keyFile,
      GIT_SYNC_SSH: 'true',
      GIT_KNOWN_HOSTS: 'true',
      GIT_SSH_KNOWN_HOSTS_FILE: server.knownHostsFile,
      GIT_SYNC_REV: 'HEAD',
      GIT_SYNC_BRANCH: 'v2-2-stable',
      GIT_SYNC_REPO: `ssh://${userInfo().username}@127.0.0.1:${server.port}${upstream.bare}`,
      GIT_SYNC_DEPTH: '1',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_DEST: 'repo',
      GIT_SYNC_ADD_USER: 'true',
      GIT_SYNC_WAIT: '60',
      GIT_SYNC_MAX_SYNC_FAILURES: '0',
    };
    const init = await run([], { ...env, GIT_SYNC_ONE_TIME: 'true' });
    expect(init.code, init.stderr).toBe(0);
    expect(init.stderr).toContain('"compat":"v3"');
    expect(readlinkSync(join(root, 'repo'))).toBe(first);
    const process = sidecar([], { ...env, GIT_SYNC_WAIT: '0.05' });
    upstream.git('checkout', '-q', 'v2-2-stable');
    await untilPublished(join(root, 'repo'), upstream.commit({ 'dags/a.py': 'x' }), process);
  });

  test('Airflow chart, v3 era, over https with user name and password: known hosts off', async () => {
    const { upstream, root, first } = fixture();
    const { code, stderr } = await run([], {
      GIT_SYNC_USERNAME: 'u',
      GIT_SYNC_PASSWORD: 'p',
      GIT_KNOWN_HOSTS: 'false',
      GIT_SYNC_REV: 'HEAD',
      GIT_SYNC_BRANCH: 'main',
      GIT_SYNC_REPO: upstream.bare,
      GIT_SYNC_DEPTH: '1',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_DEST: 'repo',
      GIT_SYNC_ADD_USER: 'true',
      GIT_SYNC_WAIT: '60',
      GIT_SYNC_MAX_SYNC_FAILURES: '0',
      GIT_SYNC_ONE_TIME: 'true',
    });
    expect(code, stderr).toBe(0);
    expect(published(join(root, 'repo'))).toBe(first);
  });

  const airflowBoth = (repo: string, root: string): Record<string, string> => ({
    GIT_SYNC_REV: 'HEAD',
    GITSYNC_REF: 'pinned',
    GIT_SYNC_BRANCH: 'v2-2-stable',
    GIT_SYNC_REPO: repo,
    GITSYNC_REPO: repo,
    GIT_SYNC_DEPTH: '1',
    GITSYNC_DEPTH: '1',
    GIT_SYNC_ROOT: root,
    GITSYNC_ROOT: root,
    GIT_SYNC_DEST: 'repo',
    GITSYNC_LINK: 'repo',
    GIT_SYNC_ADD_USER: 'true',
    GITSYNC_ADD_USER: 'true',
    GITSYNC_PERIOD: '5s',
    GIT_SYNC_MAX_SYNC_FAILURES: '0',
    GITSYNC_MAX_FAILURES: '0',
  });

  test('Airflow chart, both sets at once: v4 layout; its branch wins over the pinned ref, and the log says so (airflow#42918)', async () => {
    const { upstream, root, first } = fixture();
    upstream.git('branch', 'v2-2-stable');
    upstream.git('branch', 'pinned');
    upstream.commit({ a: 'newer' });
    upstream.push('v2-2-stable', 'pinned');
    const env = airflowBoth(upstream.bare, root);
    const init = await run([], { ...env, GIT_SYNC_ONE_TIME: 'true', GITSYNC_ONE_TIME: 'true' });
    expect(init.code, init.stderr).toBe(0);
    expect(init.stderr).toContain('"compat":"v4"');
    expect(init.stderr).toContain('GITSYNC_REF=pinned is overruled by GIT_SYNC_BRANCH=v2-2-stable');
    expect(readlinkSync(join(root, 'repo'))).toBe(`.worktrees/${first}`);
    const port = await freePort();
    const process = sidecar([], {
      ...env,
      GIT_SYNC_WAIT: '0.05',
      GIT_SYNC_HTTP_BIND: `:${port}`,
      GITSYNC_HTTP_BIND: `:${port}`,
    });
    await until(
      'the startup probe passes',
      async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))?.status === 200,
    );
    upstream.git('checkout', '-q', 'v2-2-stable');
    await untilPublished(join(root, 'repo'), upstream.commit({ 'dags/a.py': 'x' }), process);
  });

  test.skipIf(process.getuid?.() !== 0)('Airflow chart as uid 65533 without an entry in /etc/passwd', async () => {
    const { dir, upstream, root, first } = fixture();
    upstream.git('branch', 'v2-2-stable');
    upstream.push('v2-2-stable');
    mkdirSync(root);
    chownSync(root, 65533, 65533);
    const { execFileSync } = await import('node:child_process');
    execFileSync('chmod', ['a+rx', dir]);
    const env = {
      ...airflowBoth(upstream.bare, root),
      GITSYNC_ONE_TIME: 'true',
      GIT_SYNC_ADD_USER: 'false',
      GITSYNC_ADD_USER: 'false',
    };
    const child = spawn(process.execPath, [resolve('dist/git-sync.cjs')], {
      uid: 65533,
      gid: 65533,
      env: { PATH: process.env.PATH, HOME: '/tmp', ...env },
      stdio: 'ignore',
    });
    expect(await new Promise((done) => child.once('exit', done))).toBe(0);
    expect(published(join(root, 'repo'))).toBe(first);
    expect(statSync(join(root, 'repo', 'a')).uid).toBe(65533);
  });

  test('airflow-helm/charts (v3.6.9)', async () => {
    const { upstream, root, first } = fixture();
    const { code, stderr } = await run([], {
      GIT_SYNC_ONE_TIME: 'true',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_DEST: 'repo',
      GIT_SYNC_REPO: upstream.bare,
      GIT_SYNC_BRANCH: 'main',
      GIT_SYNC_REV: 'HEAD',
      GIT_SYNC_DEPTH: '1',
      GIT_SYNC_WAIT: '60',
      GIT_SYNC_TIMEOUT: '120',
      GIT_SYNC_ADD_USER: 'true',
      GIT_SYNC_MAX_SYNC_FAILURES: '0',
      GIT_SYNC_SUBMODULES: 'recursive',
      GIT_SYNC_SSH: 'false',
      GIT_SYNC_USERNAME: 'u',
      GIT_SYNC_PASSWORD: 'p',
      GIT_SSH_KEY_FILE: '/etc/git-secret/id_rsa',
      GIT_KNOWN_HOSTS: 'false',
      GIT_SSH_KNOWN_HOSTS_FILE: '/etc/git-secret/known_hosts',
    });
    expect(code, stderr).toBe(0);
    expect(readlinkSync(join(root, 'repo'))).toBe(first);
  });

  test('Config Sync: flags, error file below root, many failures allowed, private CA variables', async () => {
    const { upstream, root, first } = fixture();
    const process = sidecar([`--root=${root}/source`, '--link=rev', '--max-failures=30', '--error-file=error.json'], {
      GITSYNC_REPO: `file://${upstream.bare}`,
      GITSYNC_REF: 'main',
      GITSYNC_DEPTH: '1',
      GITSYNC_PERIOD: '50ms',
      GITSYNC_SSH: 'false',
      GITSYNC_SSH_KNOWN_HOSTS: 'false',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      GIT_SSL_NO_VERIFY: 'false',
      SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
    });
    await untilPublished(join(root, 'source', 'rev'), first, process);
    expect(readlinkSync(join(root, 'source', 'rev'))).toBe(`.worktrees/${first}`);
    expect(process.stderr).not.toContain('GITSYNC_SSH is');
  });

  test('Stackable: under bash, not process 1, with its git settings', async () => {
    const { dir, upstream, root, first } = fixture();
    const password = join(dir, 'x');
    writeFileSync(password, '');
    const start = script(
      join(dir, 'start'),
      `${resolve('dist/git-sync.cjs')} --repo=${upstream.bare} --ref=main --depth=1 --period=20s --link=current --root=${root} --one-time=true --git-config='safe.directory:${root},http.sslCAInfo:/x' &`,
      'wait $!',
    );
    const child = spawn('bash', [start], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', GITSYNC_USERNAME: 'u', GITSYNC_PASSWORD: 'p' },
      stdio: 'ignore',
    });
    expect(await new Promise((done) => child.once('exit', done))).toBe(0);
    expect(published(join(root, 'current'))).toBe(first);
  });

  test('OpenShift CI: --link=release, or GIT_SYNC_DEST=release; the sidecar with --max-failures', async () => {
    const { upstream, root, first } = fixture();
    const flags = [`--repo=${upstream.bare}`, '--ref=main', '--depth=1', '--one-time=true'];
    expect((await run([...flags, `--root=${root}`, '--link=release'])).code).toBe(0);
    expect((await run([...flags, `--root=${root}2`], { GIT_SYNC_DEST: 'release' })).code).toBe(0);
    for (const place of [root, `${root}2`]) expect(readlinkSync(join(place, 'release'))).toBe(`.worktrees/${first}`);
    const process = sidecar([
      `--repo=${upstream.bare}`,
      '--ref=main',
      `--root=${root}`,
      '--link=release',
      '--period=50ms',
      '--max-failures=3',
    ]);
    await untilPublished(join(root, 'release'), upstream.commit({ a: 'two' }), process);
    expect(read(root, 'release/a')).toBe('two');
  });
});
