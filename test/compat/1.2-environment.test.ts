import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { load as loadOptions } from '../../src/config/load.ts';
import { SidecarError } from '../../src/model/error.ts';
import { run } from '../kit/sidecar.ts';

function load(mode: string, env: Record<string, string>, ...argv: string[]) {
  return loadOptions('sync', [`--compat=${mode}`, ...argv], env);
}

describe('compat 1.2 environment rules', () => {
  test('what our image sets, as git-sync v4’s does, says nothing about whose words the rest are', () => {
    const image = { GITSYNC_ROOT: '/git', HOME: '/tmp' };
    expect(loadOptions('sync', ['--branch=develop', '--dest=x'], image).compat.mode).toBe('v3');
    expect(loadOptions('sync', [], { ...image, GIT_SYNC_REPO: 'x' }).compat.mode).toBe('v3');
    expect(loadOptions('sync', ['--ref=main'], image).compat.mode).toBe('v4');
    expect(loadOptions('sync', [], { ...image, GITSYNC_ROOT: '/data', GIT_SYNC_REPO: 'x' }).compat.mode).toBe('v4');
  });

  test('v3: an empty variable is unset', () => {
    expect(load('v3', { GIT_SYNC_DEPTH: '', GIT_SYNC_BRANCH: '' }).settings.text('branch')).toBe('master');
  });

  test('v3: a malformed variable gives the default and a remark, a malformed bool the default alone', () => {
    const loaded = load('v3', { GIT_SYNC_DEPTH: 'many', GIT_SYNC_ONE_TIME: 'perhaps' });
    expect(loaded.settings.number('depth')).toBe(0);
    expect(loaded.settings.flag('one-time')).toBe(false);
    expect(loaded.notices.join('\n')).toContain('GIT_SYNC_DEPTH');
  });

  test('v3: 3.1.1 reads integers as decimal only, 3.3.5 in Go’s base 0', () => {
    expect(load('v3.1', { GIT_SYNC_DEPTH: '010' }).settings.number('depth')).toBe(10);
    expect(load('v3', { GIT_SYNC_DEPTH: '010' }).settings.number('depth')).toBe(8);
    expect(load('v3.1', { GIT_SYNC_DEPTH: '0x10' }).settings.number('depth')).toBe(0);
  });

  test('v4: an empty variable counts as set, so an empty number is fatal with exit 1 and no usage', async () => {
    const { code, stderr } = await run(['--compat=v4', '--repo=x', '--root=/tmp/x'], { GITSYNC_DEPTH: '' });
    expect(code).toBe(1);
    expect(stderr).toContain('FATAL: invalid int env GITSYNC_DEPTH=""');
    expect(stderr).not.toContain('usage:');
  });

  test('v4: the message names the variable that was bad, not its newer name', () => {
    expect(() => load('v4', { GIT_SYNC_DEPTH: 'bad', GITSYNC_DEPTH: '1' })).toThrow(/GIT_SYNC_DEPTH/);
  });

  test('v4: an old name beats the new one, and says so; the new one is not even parsed', () => {
    const loaded = load('v4', { GIT_SYNC_DEPTH: '3', GITSYNC_DEPTH: 'bad' });
    expect(loaded.settings.number('depth')).toBe(3);
    expect(loaded.notices).toContain('GITSYNC_DEPTH is overridden by GIT_SYNC_DEPTH');
  });

  test('v4: deprecated variables beat new variables: GIT_SYNC_DEST over GITSYNC_LINK', () => {
    const env = { GIT_SYNC_DEST: 'a', GITSYNC_LINK: 'b', GITSYNC_REPO: '/r', GITSYNC_ROOT: '/volume' };
    expect(buildSyncConfig(load('v4', env).settings, env).link).toBe('/volume/a');
  });

  test('compat 9.10: an explicit flag beats deprecated and old variables', () => {
    const env = {
      GIT_SYNC_DEST: 'a',
      GIT_SYNC_BRANCH: 'old',
      GIT_SYNC_WAIT: '5',
      GITSYNC_REPO: '/r',
      GITSYNC_ROOT: '/volume',
    };
    const config = buildSyncConfig(load('v4', env, '--link=b', '--ref=new', '--period=7s').settings, env);
    expect([config.link, config.target.requested, config.periodMs]).toEqual(['/volume/b', 'new', 7000]);
  });

  test('v4: a deprecated flag still beats the new flag on the same command line', () => {
    const config = buildSyncConfig(load('v4', {}, '--repo=/r', '--root=/volume', '--dest=a', '--link=b').settings, {});
    expect(config.link).toBe('/volume/a');
  });

  test('GITSYNC_SSH_KEY_FILE is a list with colons; the flag replaces it, repeats append and are not split', () => {
    expect(load('v4', { GITSYNC_SSH_KEY_FILE: '/a:/b c' }).settings.list('ssh-key-file')).toEqual(['/a', '/b c']);
    const { settings } = load('v4', { GITSYNC_SSH_KEY_FILE: '/a' }, '--ssh-key-file=/x:y', '--ssh-key-file=/z');
    expect(settings.list('ssh-key-file')).toEqual(['/x:y', '/z']);
  });

  test('--credential adds to GITSYNC_CREDENTIAL', () => {
    const one = '{"url":"https://a","username":"u","password":"p"}';
    const two = '{"url":"https://b","username":"u","password":"p"}';
    const loaded = load('v4', { GITSYNC_CREDENTIAL: one }, '--repo=/r', '--root=/x', `--credential=${two}`);
    expect(buildSyncConfig(loaded.settings, {}).credentials.map(({ url }) => url)).toEqual(['https://a', 'https://b']);
  });

  test('compat 9.10: a malformed GITSYNC_CREDENTIAL is an error with exit 1, not ignored', async () => {
    const { code, stderr } = await run(['--repo=/r', '--root=/tmp/x'], { GITSYNC_CREDENTIAL: '{"url":' });
    expect(code).toBe(1);
    expect(stderr).toContain('GITSYNC_CREDENTIAL');
  });

  test('GIT_SYNC_SSH is read by v3 and has no effect in v4', () => {
    expect(load('v3', { GIT_SYNC_SSH: 'true' }).settings.flag('ssh')).toBe(true);
    expect(load('v4', { GIT_SYNC_SSH: 'true' }).settings.flag('ssh')).toBe(false);
  });

  test('a variable that a flag overrules is named', () => {
    expect(load('v4', { GITSYNC_DEPTH: '3' }, '--depth=4').notices).toEqual(['GITSYNC_DEPTH is overruled by --depth']);
    expect(load('v4', { GITSYNC_DEPTH: '4' }, '--depth=4').notices).toEqual([]);
  });

  test('v3 mode with --ref follows that ref', () => {
    expect(buildSyncConfig(load('v3', {}, '--repo=/r', '--root=/x', '--ref=topic').settings, {}).target.requested).toBe(
      'topic',
    );
  });

  test('unknown variables are named with the nearest known one; those that Kubernetes makes are not', () => {
    const { notices } = load('v4', {
      GITSYNC_PERIODD: '1s',
      GIT_SYNC_SERVICE_HOST: '10.0.0.1',
      GIT_SYNC_PORT_80_TCP: 'tcp://10.0.0.1:80',
    });
    expect(notices).toEqual(['GITSYNC_PERIODD is not a variable that git-sidecar knows: did you mean GITSYNC_PERIOD?']);
  });

  test('--explain shows each value and where it came from, and no secret', async () => {
    const { code, stdout } = await run(['--repo=https://u:geheim@h/r', '--root=/x', '--explain'], {
      GITSYNC_PASSWORD: 'hunter2',
      GIT_SYNC_DEPTH: '4',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/--depth\s+4\s+GIT_SYNC_DEPTH/);
    expect(stdout).toMatch(/--period\s+10s\s+default/);
    expect(stdout).not.toMatch(/hunter2|geheim/);
  });

  test('every error of the configuration is typed', () => {
    expect(() => load('v5', {})).toThrow(SidecarError);
  });
});

describe('compat mode detection (design D1)', () => {
  const mode = (env: Record<string, string>, ...argv: string[]) => loadOptions('sync', argv, env).compat.mode;

  test.each([
    ['only neutral flags', {}, ['--repo=x', '--root=/x', '--one-time'], 'v4'],
    ['v3 flags', {}, ['--repo=x', '--branch=develop', '--depth=1', '--root=/git', '--dest=synchronized'], 'v3'],
    [
      'v3 flags with credentials from v3 variables',
      { GIT_SYNC_USERNAME: 'u', GIT_SYNC_PASSWORD: 'p' },
      ['--repo=x', '--branch=b', '--dest=d'],
      'v3',
    ],
    ['one dash', {}, ['-repo', 'x', '-root', '/x'], 'v3'],
    ['v3 variables', { GIT_SYNC_REPO: 'x', GIT_SYNC_ROOT: '/git' }, [], 'v3'],
    ['v4 flags with one v3 variable', { GIT_SYNC_DEST: 'release' }, ['--repo=x', '--ref=main', '--root=/x'], 'v4'],
    ['both sets of variables', { GIT_SYNC_REPO: 'x', GITSYNC_REPO: 'x' }, [], 'v4'],
    [
      'shared ssh variables decide nothing',
      { GIT_SSH_KEY_FILE: '/k', GIT_KNOWN_HOSTS: 'true' },
      ['--repo=x', '--root=/x'],
      'v4',
    ],
    ['our own variables decide nothing', { GITSYNC_LOG_FORMAT: 'json', GIT_SYNC_REPO: 'x' }, [], 'v3'],
    ['a value that looks like a v4 flag', {}, ['--repo', '--ref', '--branch=x'], 'v3'],
    ['GITSYNC_COMPAT', { GITSYNC_COMPAT: 'v3.1', GITSYNC_REPO: 'x' }, [], 'v3.1'],
    ['--compat over the variable', { GITSYNC_COMPAT: 'v3.1' }, ['--compat=v4'], 'v4'],
  ] as const)('%s', (_name, env, argv, expected) => {
    expect(mode(env as Record<string, string>, ...argv)).toBe(expected);
  });
});
