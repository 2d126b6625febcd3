import { parseRemoteUrl } from '../remote/url.ts';
import type { CredentialSpec } from './credential-json.ts';
import { effectiveName, type Settings } from './settings.ts';
import { parseSignal } from './signals.ts';
import { checkHookTimes, checkWord, refuseIf } from './validation.ts';

const SHORTEST_PERIOD_MS = 10;

function checkSource(settings: Settings): void {
  refuseIf(settings.text('root') === '', '--root must be set');
  refuseIf(settings.text('repo') === '', '--repo must be set');
  const rev = settings.text('rev');
  refuseIf(settings.text('branch') !== '' && rev !== '' && rev !== 'HEAD', 'only one of --branch and --rev may be set');
  refuseIf(settings.text('ref') === '' && settings.text('branch') === '' && rev === '', '--ref must be set');
  refuseIf(settings.number('depth') < 0, '--depth must be 0 or more');
  checkWord(settings, 'submodules', ['recursive', 'shallow', 'off']);
  checkWord(settings, 'git-gc', ['auto', 'always', 'aggressive', 'off']);
}

/** The period in force: `--period`, or v3’s `--wait` in seconds. */
function periodMs(settings: Settings): number {
  return effectiveName(settings, 'period', 'wait') === 'wait'
    ? settings.number('wait') * 1000
    : settings.number('period');
}

function syncTimeoutMs(settings: Settings): number {
  const old = effectiveName(settings, 'sync-timeout', 'timeout') === 'timeout';
  return old ? settings.number('timeout') * 1000 : settings.number('sync-timeout');
}

function checkTimes(settings: Settings): void {
  refuseIf(periodMs(settings) < SHORTEST_PERIOD_MS, '--period must be at least 10ms');
  const init = settings.number('init-period');
  refuseIf(init !== 0 && init < SHORTEST_PERIOD_MS, '--init-period must be 0 or at least 10ms');
  refuseIf(
    settings.number('change-permissions') !== 0,
    '--change-permissions is no longer available, use --group-write',
  );
  const signal = settings.text('sync-on-signal');
  refuseIf(
    signal !== '' && parseSignal(signal) === undefined,
    `--sync-on-signal: ${JSON.stringify(signal)} is not a signal that can be caught`,
  );
  refuseIf(syncTimeoutMs(settings) < SHORTEST_PERIOD_MS, '--sync-timeout must be at least 10ms');
}

function checkHooks(settings: Settings): void {
  if (settings.text('exechook-command') !== '' || settings.text('sync-hook-command') !== '')
    checkHookTimes(settings, 'exechook');
  if (settings.text('pre-publish-exechook-command') !== '') checkHookTimes(settings, 'pre-publish-exechook');
  if (settings.text('webhook-url') === '') return;
  refuseIf(settings.number('webhook-success-status') < -1, '--webhook-success-status must be a status, 0 or -1');
  checkHookTimes(settings, 'webhook');
}

function checkPasswords(settings: Settings): void {
  const [username, password, file] = ['username', 'password', 'password-file'].map(
    (name) => settings.text(name) !== '',
  );
  if (username) {
    refuseIf(!password && !file, '--username needs a password or --password-file');
    refuseIf(password === true && file === true, 'only one of a password and --password-file may be set');
    refuseIf(hasUserinfo(settings.text('repo')), '--username may not be set when --repo holds a user name');
  } else {
    refuseIf(password === true, 'a password needs --username');
    refuseIf(file === true, '--password-file needs --username');
  }
}

function hasUserinfo(repo: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(repo);
}

function checkGithubApp(settings: Settings): void {
  const byClient = settings.text('github-app-client-id') !== '';
  const byApplication = settings.number('github-app-application-id') !== 0;
  const installation = settings.number('github-app-installation-id') !== 0;
  if (!byClient && !byApplication) {
    refuseIf(installation, '--github-app-installation-id needs --github-app-application-id or --github-app-client-id');
    return;
  }
  const key = settings.text('github-app-private-key') !== '';
  const keyFile = settings.text('github-app-private-key-file') !== '';
  refuseIf(byClient && byApplication, 'only one of --github-app-client-id and --github-app-application-id may be set');
  refuseIf(!installation, '--github-app-installation-id must be set');
  refuseIf(!key && !keyFile, '--github-app-private-key-file or GITSYNC_GITHUB_APP_PRIVATE_KEY must be set');
  refuseIf(key && keyFile, 'only one of --github-app-private-key-file and GITSYNC_GITHUB_APP_PRIVATE_KEY may be set');
  for (const name of ['username', 'password', 'password-file']) {
    refuseIf(settings.text(name) !== '', `--${name} may not be set with a GitHub App`);
  }
}

function checkCredentials(credentials: readonly CredentialSpec[]): void {
  for (const { url, username, password, passwordFile } of credentials) {
    refuseIf(url === '', '--credential: url must be set');
    refuseIf(username === '', '--credential: username must be set');
    refuseIf(!password && !passwordFile, '--credential: password or password-file must be set');
    refuseIf(
      Boolean(password) && Boolean(passwordFile),
      '--credential: only one of password and password-file may be set',
    );
    parseRemoteUrl(url);
  }
}

/** What is wrong with how git servers are to be talked to. */
export function checkServerAccess(settings: Settings, credentials: readonly CredentialSpec[]): void {
  checkPasswords(settings);
  checkGithubApp(settings);
  checkCredentials(credentials);
}

/** What 4.7.1 checks, in its order (compat.md 1.4), and the signal numbers that it should have checked (9.16). */
export function validateV4(settings: Settings, credentials: readonly CredentialSpec[]): void {
  checkSource(settings);
  checkTimes(settings);
  checkHooks(settings);
  checkServerAccess(settings, credentials);
  const serves = settings.text('http-bind') !== '';
  refuseIf(!serves && settings.flag('http-metrics'), '--http-metrics needs --http-bind');
  refuseIf(!serves && settings.flag('http-pprof'), '--http-pprof needs --http-bind');
  parseRemoteUrl(settings.text('repo'));
}
