import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { load } from '../../src/config/load.ts';

const build = (args: readonly string[], env: Record<string, string> = {}) =>
  buildSyncConfig(load('sync', ['--repo=https://h/r.git', '--root=/git', ...args], env).settings, env);
const [ONE, TWO] = ['A', 'B'].map((letter) => `sha256//${letter.repeat(43)}=`) as [string, string];

describe('--tls-pin', () => {
  test('is git’s setting for the server of --repo and no other, for a key and its successor', () => {
    const { gitConfigAdd } = build([`--tls-pin=${ONE}`, `--tls-pin=${TWO}`, '--git-config-add=a.b:c']);
    expect(gitConfigAdd).toEqual([
      { key: 'a.b', value: 'c' },
      { key: 'http.https://h/.pinnedPubkey', value: `${ONE};${TWO}` },
    ]);
    expect(build([`--tls-pin=${ONE};${TWO}`]).gitConfigAdd).toEqual(
      build([`--tls-pin=${ONE}`, `--tls-pin=${TWO}`]).gitConfigAdd,
    );
  });

  test.each([
    ['SHA256:abc', 'is not sha256// and 44 characters of base64'],
    ['sha256//short=', 'is not sha256// and 44 characters of base64'],
    ['/etc/key.pem', 'is not sha256// and 44 characters of base64'],
  ])('%s is refused', (pin, reason) => {
    expect(() => build([`--tls-pin=${pin}`])).toThrow(reason);
  });

  test.each(['http://h/r.git', 'git@h:r.git', '/srv/r.git'])('needs https, and %s is not', (repo) => {
    expect(() => build([`--repo=${repo}`, `--tls-pin=${ONE}`])).toThrow('--tls-pin needs an https:// URL');
  });
});

describe('ssh', () => {
  test('an agent takes the place of the default key file, not of one that is named', () => {
    expect(build([]).ssh).toMatchObject({ keyFiles: ['/etc/git-secret/ssh'], agent: undefined });
    expect(build(['--ssh-agent=/agent']).ssh).toMatchObject({ keyFiles: [], agent: '/agent' });
    const both = build(['--ssh-agent=SSH_AUTH_SOCK', '--ssh-key-file=/key'], { SSH_AUTH_SOCK: '/from/env' });
    expect(both.ssh).toMatchObject({ keyFiles: ['/key'], agent: '/from/env' });
    expect(() => build(['--ssh-agent=SSH_AUTH_SOCK'])).toThrow('needs this variable to be set');
  });

  test('to accept new hosts, and to accept all of them, exclude each other', () => {
    expect(build(['--ssh-accept-new']).ssh.hostKeys).toEqual({
      check: 'accept-new',
      file: '/etc/git-secret/known_hosts',
    });
    expect(() => build(['--ssh-accept-new', '--ssh-known-hosts=false'])).toThrow('only one of');
  });

  test('v3 without --ssh honours what is ours', () => {
    const env = { GITSYNC_SSH_ACCEPT_NEW: 'true', GITSYNC_SSH_AGENT: '/agent' };
    expect(build(['--compat=v3', '--branch=main'], env).ssh).toMatchObject({
      agent: '/agent',
      hostKeys: { check: 'accept-new' },
    });
  });
});
