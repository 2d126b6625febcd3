import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { load } from '../../src/config/load.ts';
import { InvalidOption } from '../../src/config/validation.ts';
import { run } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';

type Mode = 'v3.1' | 'v3' | 'v4';

/** The refusal as text, with "(U)" where the usage text goes with it; "accepted" when there is none. */
function verdict(mode: Mode, ...argv: string[]): string {
  const base = argv.includes('BARE') ? [] : ['--repo=/r', '--root=/x'];
  try {
    buildSyncConfig(
      load('sync', [`--compat=${mode}`, ...base, ...argv.filter((word) => word !== 'BARE')], { HOME: '/h' }).settings,
      {},
    );
    return 'accepted';
  } catch (error) {
    if (error instanceof InvalidOption) return `${error.detail}${error.printsUsage ? ' (U)' : ''}`;
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe('compat 1.4 validation, 3.1.1', () => {
  test.each([
    ['repo empty', ['BARE'], /--repo.*\(U\)/],
    ['dest with a slash', ['--dest=a/b'], /--dest.*\(U\)/],
    ['ssh with a user name', ['--ssh', '--username=u'], /--ssh.*[^)]$/],
    ['depth -1 is not checked', ['--depth=-1'], /accepted/],
    ['negative wait is not checked', ['--wait=-1'], /accepted/],
    ['a user name without a password is ignored', ['--username=u'], /accepted/],
  ])('%s', (_name, argv, expected) => expect(verdict('v3.1', ...argv)).toMatch(expected));
});

describe('compat 1.4 validation, 3.3.5', () => {
  test.each([
    ['repo empty', ['BARE'], /--repo.*\(U\)/],
    ['depth < 0', ['--depth=-1'], /--depth.*\(U\)/],
    ['submodules word', ['--submodules=all'], /--submodules.*\(U\)/],
    ['root empty', ['--root='], /--root.*\(U\)/],
    ['dest with a slash', ['--dest=a/b'], /--dest.*\(U\)/],
    ['wait < 0', ['--wait=-1'], /--wait.*\(U\)/],
    ['timeout < 0', ['--timeout=-1'], /--timeout.*\(U\)/],
    ['webhook status < -1', ['--webhook-url=http://h', '--webhook-success-status=-2'], /status.*\(U\)/],
    ['webhook timeout < 1s', ['--webhook-url=http://h', '--webhook-timeout=999ms'], /--webhook-timeout.*\(U\)/],
    ['webhook backoff < 1s', ['--webhook-url=http://h', '--webhook-backoff=0'], /--webhook-backoff.*\(U\)/],
    ['without a URL the webhook is not checked', ['--webhook-timeout=1ms'], /accepted/],
    ['exechook timeout < 1s', ['--exechook-command=/x', '--exechook-timeout=1ms'], /--exechook-timeout.*\(U\)/],
    ['exechook backoff < 1s', ['--sync-hook-command=/x', '--exechook-backoff=1ms'], /--exechook-backoff.*\(U\)/],
    ['password and password file', ['--password=p', '--password-file=/p'], /only one of --password/],
    ['user name alone', ['--username=u'], /--username needs.*\(U\)/],
    ['password alone is ignored', ['--password=p'], /accepted/],
    ['ssh with askpass', ['--ssh', '--askpass-url=http://h'], /--ssh/],
    ['ssh with a cookie file', ['--ssh', '--cookie-file'], /--ssh/],
    ['ssh with an empty key file', ['--ssh', '--ssh-key-file='], /--ssh-key-file.*\(U\)/],
    ['ssh with an empty known hosts file', ['--ssh', '--ssh-known-hosts-file='], /--ssh-known-hosts-file.*\(U\)/],
  ])('%s', (_name, argv, expected) => expect(verdict('v3', ...argv)).toMatch(expected));
});

const APP = ['--github-app-application-id=1', '--github-app-installation-id=2', '--github-app-private-key-file=/k'];

describe('compat 1.4 validation, 4.7.1', () => {
  test.each([
    ['root missing', ['BARE', '--repo=/r'], /--root.*\(U\)/],
    ['repo missing', ['BARE', '--root=/x'], /--repo.*\(U\)/],
    ['branch and rev', ['--branch=b', '--rev=v1'], /--branch and --rev.*\(U\)/],
    ['branch and rev HEAD', ['--branch=b', '--rev=HEAD'], /accepted/],
    ['ref empty', ['--ref='], /--ref.*\(U\)/],
    ['depth < 0', ['--depth=-1'], /--depth.*\(U\)/],
    ['submodules word', ['--submodules=x'], /--submodules.*\(U\)/],
    ['git-gc word', ['--git-gc=x'], /--git-gc.*\(U\)/],
    ['period < 10ms', ['--period=9ms'], /--period.*\(U\)/],
    ['period from --wait', ['--wait=0.001'], /--period.*\(U\)/],
    ['init-period 0', ['--init-period=0'], /accepted/],
    ['init-period < 10ms', ['--init-period=9ms'], /--init-period.*\(U\)/],
    ['change-permissions', ['--change-permissions=0755'], /--change-permissions.*\(U\)/],
    ['sync-on-signal unknown', ['--sync-on-signal=NOPE'], /--sync-on-signal.*\(U\)/],
    ['sync-on-signal in the wrong case', ['--sync-on-signal=hup'], /--sync-on-signal.*\(U\)/],
    ['sync-on-signal with SIG', ['--sync-on-signal=SIGHUP'], /accepted/],
    ['sync-on-signal as a number', ['--sync-on-signal=0x1'], /accepted/],
    ['sync-on-signal 0', ['--sync-on-signal=0'], /--sync-on-signal.*\(U\)/],
    ['compat 9.16: sync-on-signal -5', ['--sync-on-signal=-5'], /--sync-on-signal.*\(U\)/],
    ['compat 9.16: sync-on-signal 999', ['--sync-on-signal=999'], /--sync-on-signal.*\(U\)/],
    ['sync-timeout < 10ms', ['--sync-timeout=1ms'], /--sync-timeout.*\(U\)/],
    ['exechook timeout', ['--exechook-command=/x', '--exechook-timeout=1ms'], /--exechook-timeout.*\(U\)/],
    [
      'pre-publish hook backoff',
      ['--pre-publish-exechook-command=/x', '--pre-publish-exechook-backoff=1ms'],
      /--pre-publish-exechook-backoff.*\(U\)/,
    ],
    ['webhook status', ['--webhook-url=http://h', '--webhook-success-status=-2'], /status.*\(U\)/],
    ['webhook backoff', ['--webhook-url=http://h', '--webhook-backoff=1ms'], /--webhook-backoff.*\(U\)/],
    ['user name alone', ['--username=u'], /--username needs.*\(U\)/],
    ['both password sources', ['--username=u', '--password=p', '--password-file=/p'], /only one of a password.*\(U\)/],
    [
      'user name with userinfo in the URL',
      ['--username=u', '--password=p', '--repo=https://x@h/r'],
      /--repo holds a user.*\(U\)/,
    ],
    [
      'user name with userinfo in an ssh URL',
      ['--username=u', '--password=p', '--repo=ssh://x@h/r'],
      /--repo holds a user.*\(U\)/,
    ],
    ['password alone', ['--password=p'], /needs --username.*\(U\)/],
    ['password file alone', ['--password-file=/p'], /needs --username.*\(U\)/],
    ['GitHub app complete', APP, /accepted/],
    ['GitHub app with both ids', [...APP, '--github-app-client-id=c'], /only one of --github-app-client-id.*\(U\)/],
    ['GitHub app without installation', [APP[0] ?? '', APP[2] ?? ''], /--github-app-installation-id.*\(U\)/],
    ['GitHub app without key', APP.slice(0, 2), /--github-app-private-key-file.*\(U\)/],
    [
      'GitHub app with a user name',
      [...APP, '--username=u', '--password=p'],
      /may not be set with a GitHub App.*\(U\)/,
    ],
    ['installation id alone', ['--github-app-installation-id=2'], /needs --github-app-application-id.*\(U\)/],
    ['private key file alone is ignored', ['--github-app-private-key-file=/k'], /accepted/],
    ['credential without url', ['--credential={"username":"u","password":"p"}'], /url.*\(U\)/],
    ['credential without user name', ['--credential={"url":"https://h","password":"p"}'], /username.*\(U\)/],
    ['credential without password', ['--credential={"url":"https://h","username":"u"}'], /password.*\(U\)/],
    [
      'credential with both passwords',
      ['--credential={"url":"https://h","username":"u","password":"p","password-file":"/p"}'],
      /only one.*\(U\)/,
    ],
    ['http-metrics without http-bind', ['--http-metrics'], /--http-metrics.*\(U\)/],
    ['http-pprof without http-bind', ['--http-pprof'], /--http-pprof.*\(U\)/],
    ['a link named .git', ['--link=.git'], /--link/],
    ['a link that is the root', ['--link=.'], /--link/],
  ])('%s', (_name, argv, expected) => expect(verdict('v4', ...argv)).toMatch(expected));

  test('a refusal prints message and usage, exits 1, and goes into the error file as plain text', async () => {
    const root = tempDir();
    const { code, stderr } = await run(['--repo=/r', `--root=${root}`, '--depth=-1', '--error-file=err.txt']);
    expect(code).toBe(1);
    expect(stderr).toContain('usage:');
    expect(stderr).toContain('--depth must be 0 or more');
    expect(readFileSync(join(root, 'err.txt'), 'utf8')).toContain('--depth must be 0 or more');
  });

  test('git missing, root unusable, address in use: logged, exit 1', async () => {
    const dir = tempDir();
    new Upstream(dir).commit({ a: '1' });
    const repo = `--repo=${join(dir, 'repo.git')}`;
    expect(await run([repo, `--root=${dir}/r`, '--git=/no/such/git'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERR_GIT_MISSING'),
    });
    writeFileSync(join(dir, 'file'), '');
    expect(await run([repo, `--root=${dir}/file/r`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERR_ROOT_UNUSABLE'),
    });
    const port = await freePort();
    const { createServer } = await import('node:http');
    const server = createServer().listen(port, '127.0.0.1');
    expect(await run([repo, `--root=${dir}/r`, `--http-bind=127.0.0.1:${port}`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERR_SERVE_BIND'),
    });
    server.close();
  });

  test('a missing cookie file and v3’s missing ssh files are refused at start', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'x'));
    expect(await run(['--repo=http://127.0.0.1:1/r', `--root=${dir}/r`, '--cookie-file'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cookie_file'),
    });
    const ssh = await run(['--compat=v3', '--repo=git@h:r', `--root=${dir}/r`, '--ssh', '--ssh-key-file=/no/key']);
    expect(ssh).toMatchObject({ code: 1, stderr: expect.stringContaining('/no/key') });
  });

  test.each(['', '-x', 'ext::sh -c x', 'https://', 'ssh://-oProxyCommand=x/y', '-oProxyCommand=x:y', 'https://[bad/'])(
    'the repository %j is refused',
    async (repo) => {
      const { code, stderr } = await run([`--repo=${repo}`, `--root=${tempDir()}/r`, '--one-time']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/ERR_(CONFIG_INVALID|REMOTE_URL)/);
    },
  );
});
