import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { load } from '../../src/config/load.ts';
import { Redactor } from '../../src/platform/redact.ts';

/** What is left of `text` with this configuration. */
function redacted(text: string, env: Record<string, string>, ...argv: string[]): string {
  const redactor = new Redactor();
  const repo = env.GITSYNC_REPO === undefined ? ['--repo=https://h.example/x'] : [];
  const { settings } = load('sync', [...repo, '--root=/x', '--link=l', ...argv], env);
  for (const { text: secret, user } of buildSyncConfig(settings, env).secrets) redactor.add(secret, user);
  return redactor.redact(text);
}

describe('secrets of the configuration', () => {
  const header = (value: string) => ({ GITSYNC_GIT_CONFIG: `http.extraHeader:"${value}"` });
  const basic = Buffer.from('user:header-password').toString('base64');

  test.each([
    ['a password', { GITSYNC_USERNAME: 'u', GITSYNC_PASSWORD: 'plain-password' }, 'plain-password'],
    ['a password in the URL', { GITSYNC_REPO: 'https://u:url-password@h.example/x' }, 'url-password'],
    ['an encoded password in the URL', { GITSYNC_REPO: 'https://u:url%2Fpassword@h.example/x' }, 'url/password'],
    ['a header', header('Authorization: Bearer header-token'), 'header-token'],
    ['a header without a scheme', header('X-Token: header-token'), 'header-token'],
    ['the password of a Basic header', header(`Authorization: Basic ${basic}`), 'header-password'],
    ['a Basic header', header(`Authorization: Basic ${basic}`), basic],
    ['a proxy of git', { GITSYNC_GIT_CONFIG: 'http.proxy:"http://u:proxy-password@p:80"' }, 'proxy-password'],
    ['a proxy of the environment', { https_proxy: 'http://u:proxy-password@p:80' }, 'proxy-password'],
    [
      'a rewritten URL',
      { GITSYNC_GIT_CONFIG: '"url.https://u:other-password@h/.insteadOf":"https://i/"' },
      'other-password',
    ],
    [
      'the path of a webhook',
      { GITSYNC_WEBHOOK_URL: 'https://hooks.example/services/T0/B0/key123' },
      'services/T0/B0/key123',
    ],
    ['a user of a webhook', { GITSYNC_WEBHOOK_URL: 'https://u:hook-password@hooks.example/' }, 'hook-password'],
    ['NATS', { GITSYNC_NATS: 'nats://u:nats-password@h:4222' }, 'nats-password'],
  ] as const)('%s is redacted wherever it is echoed', (_name, env, secret) => {
    expect(redacted(`the server says: ${secret}!`, env)).toBe('the server says: *****!');
  });

  test('a short path of a webhook is no secret: its words are in every log', () => {
    const env = { GITSYNC_WEBHOOK_URL: 'http://localhost:8080/hook' };
    expect(redacted('running hook', env)).toBe('running hook');
  });
});
