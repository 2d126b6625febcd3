import { describe, expect, test } from 'vitest';
import { load } from '../../src/config/load.ts';
import type { CompatMode } from '../../src/config/option.ts';
import { optionNamed } from '../../src/config/options.ts';

/** compat.md 1.3: flag, a value to try, v3's variable, v4's variables in ascending precedence, defaults ('-': no such flag). */
const ROWS: readonly (readonly [string, string, string, string, string, string, string])[] = [
  ['repo', 'x', 'GIT_SYNC_REPO', 'GITSYNC_REPO GIT_SYNC_REPO', '', '', ''],
  ['branch', 'x', 'GIT_SYNC_BRANCH', 'GIT_SYNC_BRANCH', 'master', 'master', ''],
  ['rev', 'x', 'GIT_SYNC_REV', 'GIT_SYNC_REV', 'HEAD', 'HEAD', ''],
  ['ref', 'x', '-', 'GITSYNC_REF', '-', '-', 'HEAD'],
  ['depth', '7', 'GIT_SYNC_DEPTH', 'GITSYNC_DEPTH GIT_SYNC_DEPTH', '0', '0', '1'],
  ['filter', 'x', '-', 'GITSYNC_FILTER', '-', '-', ''],
  ['submodules', 'off', 'GIT_SYNC_SUBMODULES', 'GITSYNC_SUBMODULES GIT_SYNC_SUBMODULES', '-', 'recursive', 'recursive'],
  [
    'sparse-checkout-file',
    'x',
    'GIT_SYNC_SPARSE_CHECKOUT_FILE',
    'GITSYNC_SPARSE_CHECKOUT_FILE GIT_SYNC_SPARSE_CHECKOUT_FILE',
    '-',
    '',
    '',
  ],
  ['root', 'x', 'GIT_SYNC_ROOT', 'GITSYNC_ROOT GIT_SYNC_ROOT', '/home/me/git', '/home/me/git', ''],
  ['dest', 'x', 'GIT_SYNC_DEST', 'GIT_SYNC_DEST', '', '', ''],
  ['link', 'x', '-', 'GITSYNC_LINK GIT_SYNC_LINK', '-', '-', ''],
  ['error-file', 'x', 'GIT_SYNC_ERROR_FILE', 'GITSYNC_ERROR_FILE GIT_SYNC_ERROR_FILE', '-', '', ''],
  ['wait', '2.5', 'GIT_SYNC_WAIT', 'GIT_SYNC_WAIT', '0', '1', '0'],
  ['period', '3s', '-', 'GITSYNC_PERIOD GIT_SYNC_PERIOD', '-', '-', '10000'],
  ['init-period', '3s', '-', 'GITSYNC_INIT_PERIOD', '-', '-', '0'],
  ['timeout', '9', 'GIT_SYNC_TIMEOUT', 'GIT_SYNC_TIMEOUT', '120', '120', '0'],
  ['sync-timeout', '3s', '-', 'GITSYNC_SYNC_TIMEOUT GIT_SYNC_SYNC_TIMEOUT', '-', '-', '120000'],
  ['one-time', 'true', 'GIT_SYNC_ONE_TIME', 'GITSYNC_ONE_TIME GIT_SYNC_ONE_TIME', 'false', 'false', 'false'],
  ['sync-on-signal', 'HUP', '-', 'GITSYNC_SYNC_ON_SIGNAL GIT_SYNC_SYNC_ON_SIGNAL', '-', '-', ''],
  ['max-sync-failures', '3', 'GIT_SYNC_MAX_SYNC_FAILURES', 'GIT_SYNC_MAX_SYNC_FAILURES', '0', '0', '0'],
  ['max-failures', '3', '-', 'GITSYNC_MAX_FAILURES GIT_SYNC_MAX_FAILURES', '-', '-', '0'],
  ['init-max-failures', '3', '-', 'GITSYNC_INIT_MAX_FAILURES', '-', '-', ''],
  ['touch-file', 'x', '-', 'GITSYNC_TOUCH_FILE GIT_SYNC_TOUCH_FILE', '-', '-', ''],
  ['change-permissions', '7', 'GIT_SYNC_PERMISSIONS', 'GIT_SYNC_PERMISSIONS', '0', '0', '0'],
  ['group-write', 'true', '-', 'GITSYNC_GROUP_WRITE GIT_SYNC_GROUP_WRITE', '-', '-', 'false'],
  ['add-user', 'true', 'GIT_SYNC_ADD_USER', 'GITSYNC_ADD_USER GIT_SYNC_ADD_USER', '-', 'false', 'false'],
  ['stale-worktree-timeout', '3s', '-', 'GITSYNC_STALE_WORKTREE_TIMEOUT', '-', '-', '0'],
  ['sync-hook-command', 'x', 'GIT_SYNC_HOOK_COMMAND', 'GIT_SYNC_HOOK_COMMAND', '-', '', ''],
  [
    'exechook-command',
    'x',
    'GIT_SYNC_EXECHOOK_COMMAND',
    'GITSYNC_EXECHOOK_COMMAND GIT_SYNC_EXECHOOK_COMMAND',
    '-',
    '',
    '',
  ],
  [
    'exechook-timeout',
    '9s',
    'GIT_SYNC_EXECHOOK_TIMEOUT',
    'GITSYNC_EXECHOOK_TIMEOUT GIT_SYNC_EXECHOOK_TIMEOUT',
    '-',
    '30000',
    '30000',
  ],
  [
    'exechook-backoff',
    '9s',
    'GIT_SYNC_EXECHOOK_BACKOFF',
    'GITSYNC_EXECHOOK_BACKOFF GIT_SYNC_EXECHOOK_BACKOFF',
    '-',
    '3000',
    '3000',
  ],
  ['webhook-url', 'x', 'GIT_SYNC_WEBHOOK_URL', 'GITSYNC_WEBHOOK_URL GIT_SYNC_WEBHOOK_URL', '', '', ''],
  [
    'webhook-method',
    'x',
    'GIT_SYNC_WEBHOOK_METHOD',
    'GITSYNC_WEBHOOK_METHOD GIT_SYNC_WEBHOOK_METHOD',
    'POST',
    'POST',
    'POST',
  ],
  [
    'webhook-success-status',
    '204',
    'GIT_SYNC_WEBHOOK_SUCCESS_STATUS',
    'GITSYNC_WEBHOOK_SUCCESS_STATUS GIT_SYNC_WEBHOOK_SUCCESS_STATUS',
    '200',
    '200',
    '200',
  ],
  [
    'webhook-timeout',
    '9s',
    'GIT_SYNC_WEBHOOK_TIMEOUT',
    'GITSYNC_WEBHOOK_TIMEOUT GIT_SYNC_WEBHOOK_TIMEOUT',
    '1000',
    '1000',
    '1000',
  ],
  [
    'webhook-backoff',
    '9s',
    'GIT_SYNC_WEBHOOK_BACKOFF',
    'GITSYNC_WEBHOOK_BACKOFF GIT_SYNC_WEBHOOK_BACKOFF',
    '3000',
    '3000',
    '3000',
  ],
  ['username', 'x', 'GIT_SYNC_USERNAME', 'GITSYNC_USERNAME GIT_SYNC_USERNAME', '', '', ''],
  ['password', 'x', 'GIT_SYNC_PASSWORD', 'GITSYNC_PASSWORD GIT_SYNC_PASSWORD', '', '', ''],
  ['password-file', 'x', 'GIT_SYNC_PASSWORD_FILE', 'GITSYNC_PASSWORD_FILE GIT_SYNC_PASSWORD_FILE', '-', '', ''],
  ['credential', 'x', '-', 'GITSYNC_CREDENTIAL', '-', '-', ''],
  ['ssh', 'true', 'GIT_SYNC_SSH', '', 'false', 'false', 'false'],
  [
    'ssh-key-file',
    'x',
    'GIT_SSH_KEY_FILE',
    'GITSYNC_SSH_KEY_FILE GIT_SYNC_SSH_KEY_FILE GIT_SSH_KEY_FILE',
    '/etc/git-secret/ssh',
    '/etc/git-secret/ssh',
    '/etc/git-secret/ssh',
  ],
  [
    'ssh-known-hosts',
    'false',
    'GIT_KNOWN_HOSTS',
    'GITSYNC_SSH_KNOWN_HOSTS GIT_SYNC_KNOWN_HOSTS GIT_KNOWN_HOSTS',
    'true',
    'true',
    'true',
  ],
  [
    'ssh-known-hosts-file',
    'x',
    'GIT_SSH_KNOWN_HOSTS_FILE',
    'GITSYNC_SSH_KNOWN_HOSTS_FILE GIT_SYNC_SSH_KNOWN_HOSTS_FILE GIT_SSH_KNOWN_HOSTS_FILE',
    '/etc/git-secret/known_hosts',
    '/etc/git-secret/known_hosts',
    '/etc/git-secret/known_hosts',
  ],
  [
    'cookie-file',
    'true',
    'GIT_COOKIE_FILE',
    'GITSYNC_COOKIE_FILE GIT_SYNC_COOKIE_FILE GIT_COOKIE_FILE',
    'false',
    'false',
    'false',
  ],
  ['askpass-url', 'x', 'GIT_ASKPASS_URL', 'GITSYNC_ASKPASS_URL GIT_SYNC_ASKPASS_URL GIT_ASKPASS_URL', '-', '', ''],
  ['github-base-url', 'x', '-', 'GITSYNC_GITHUB_BASE_URL', '-', '-', 'https://api.github.com/'],
  ['github-app-private-key-file', 'x', '-', 'GITSYNC_GITHUB_APP_PRIVATE_KEY_FILE', '-', '-', ''],
  ['github-app-client-id', 'x', '-', 'GITSYNC_GITHUB_APP_CLIENT_ID', '-', '-', ''],
  ['github-app-application-id', '5', '-', 'GITSYNC_GITHUB_APP_APPLICATION_ID', '-', '-', '0'],
  ['github-app-installation-id', '5', '-', 'GITSYNC_GITHUB_APP_INSTALLATION_ID', '-', '-', '0'],
  ['git', 'x', 'GIT_SYNC_GIT', 'GITSYNC_GIT GIT_SYNC_GIT', 'git', 'git', 'git'],
  ['git-config', 'a.b:c', 'GIT_SYNC_GIT_CONFIG', 'GITSYNC_GIT_CONFIG GIT_SYNC_GIT_CONFIG', '-', '', ''],
  // v4.7.1's default is `always`: work in proportion to the repository for each change. Ours is `auto`, on purpose.
  ['git-gc', 'always', '-', 'GITSYNC_GIT_GC GIT_SYNC_GIT_GC', '-', '-', 'auto'],
  ['http-bind', 'x', 'GIT_SYNC_HTTP_BIND', 'GITSYNC_HTTP_BIND GIT_SYNC_HTTP_BIND', '', '', ''],
  ['http-metrics', 'x', 'GIT_SYNC_HTTP_METRICS', 'GITSYNC_HTTP_METRICS GIT_SYNC_HTTP_METRICS', 'true', 'true', 'false'],
  ['http-pprof', 'true', 'GIT_SYNC_HTTP_PPROF', 'GITSYNC_HTTP_PPROF GIT_SYNC_HTTP_PPROF', 'false', 'false', 'false'],
  ['verbose', '4', '-', 'GITSYNC_VERBOSE', '-', '-', '0'],
];

function valueIn(flag: string, mode: CompatMode, env: Record<string, string>): string {
  return String(load('sync', [`--compat=${mode}`], { HOME: '/home/me', ...env }).settings.get(flag).value);
}

function fromFlag(flag: string, text: string, mode: CompatMode): string {
  return String(load('sync', [`--compat=${mode}`, `--${flag}=${text}`], {}).settings.get(flag).value);
}

describe.each(ROWS)('compat 1.3 --%s', (flag, sample, v3Env, v4Env, v31Default, v3Default, v4Default) => {
  const text = flag === 'http-metrics' ? 'true' : sample;

  test('has the defaults of each release', () => {
    if (v31Default !== '-') expect(valueIn(flag, 'v3.1', {})).toBe(v31Default);
    if (v3Default !== '-') expect(valueIn(flag, 'v3', {})).toBe(v3Default);
    expect(valueIn(flag, 'v4', {})).toBe(v4Default);
  });

  test('reads v3’s variable', () => {
    if (v3Env === '-') expect(optionNamed(flag).v3Env).toBeUndefined();
    else expect(valueIn(flag, 'v3', { [v3Env]: text })).toBe(fromFlag(flag, text, 'v3'));
  });

  test('reads every variable of v4, an older name before a newer one', () => {
    const names = v4Env.split(' ').filter(Boolean);
    expect(optionNamed(flag).env).toEqual(names);
    for (const name of names) expect(valueIn(flag, 'v4', { [name]: text })).toBe(fromFlag(flag, text, 'v4'));
    const last = names.at(-1);
    const first = names[0];
    if (first && last && first !== last && text !== 'true') {
      expect(valueIn(flag, 'v4', { [first]: optionNamed(flag).default || 'other', [last]: text })).toBe(
        fromFlag(flag, text, 'v4'),
      );
    }
  });

  test('the flag beats every variable', () => {
    const other = { int: '1', bool: 'false', duration: '1s', float: '1' }[optionNamed(flag).type as string] ?? 'other';
    if (flag === 'credential') return expect(valueIn(flag, 'v4', { GITSYNC_CREDENTIAL: 'x' })).toBe('x');
    const env = Object.fromEntries(
      v4Env
        .split(' ')
        .filter(Boolean)
        .map((name) => [name, other]),
    );
    expect(String(load('sync', ['--compat=v4', `--${flag}=${text}`], env).settings.get(flag).value)).toBe(
      fromFlag(flag, text, 'v4'),
    );
  });
});
