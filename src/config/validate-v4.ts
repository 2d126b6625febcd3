import type { CredentialSpec } from '../remote/git-access.ts';
import { parseRemoteUrl } from '../remote/url.ts';
import { hasIdentity } from './identity.ts';
import { nameInForce, type Settings } from './settings.ts';
import { checkSettings, mustBeSet, type Rule, refuseIf, rowsOf } from './validation.ts';

const SHORTEST_MS = 10;

const branchOrRev: Rule = (settings) =>
  refuseIf(
    settings.isOn('branch') && settings.isOn('rev') && settings.text('rev') !== 'HEAD',
    'only one of --branch and --rev may be set',
  );

const someRef: Rule = (settings) =>
  refuseIf(!['ref', 'branch', 'rev'].some((name) => settings.isOn(name)), '--ref must be set');

/** v3’s option, in seconds, is checked under the name of v4’s. */
const longEnough =
  (name: 'period' | 'sync-timeout', old: 'wait' | 'timeout'): Rule =>
  (settings) => {
    const isOld = nameInForce(settings, name) === old;
    const ms = isOld ? settings.number(old) * 1000 : settings.number(name);
    refuseIf(ms < SHORTEST_MS, `--${name} must be at least ${SHORTEST_MS}ms`);
  };

const noPermissions: Rule = (settings) =>
  refuseIf(settings.isOn('change-permissions'), '--change-permissions is no longer available, use --group-write');

function checkPasswords(settings: Settings): void {
  const [username, password, file] = ['username', 'password', 'password-file'].map((name) => settings.isOn(name));
  if (username) {
    refuseIf(!password && !file && !obtainsPassword(settings), '--username needs a password or --password-file');
    refuseIf(password === true && file === true, 'only one of a password and --password-file may be set');
    refuseIf(
      settings.has('repo') && hasUserinfo(settings.text('repo')),
      '--username may not be set when --repo holds a user name',
    );
  } else {
    refuseIf(password === true, 'a password needs --username');
    refuseIf(file === true, '--password-file needs --username');
  }
}

/** The password comes from a service or a program. */
export function obtainsPassword(settings: Settings): boolean {
  return hasIdentity(settings) || settings.isOn('credential-helper');
}

/** What says by itself what the password is, and so cannot stand beside `--identity`. */
const OTHER_SOURCES = ['password', 'password-file', 'askpass-url', 'github-app-client-id', 'github-app-application-id'];
const WITH_USERNAME = ['azure', 'google', 'exchange'];

/** What is wrong with an identity beside other options. */
export const identityAlone: Rule = (settings) => {
  if (!hasIdentity(settings)) return;
  const kind = settings.text('identity');
  for (const name of OTHER_SOURCES)
    refuseIf(settings.isOn(name), `only one of --identity and --${name} may be set`, false);
  const isUnused = settings.isOn('username') && !WITH_USERNAME.includes(kind);
  refuseIf(isUnused, `--username has no effect with --identity=${kind}, which knows the user name itself`, false);
};

function hasUserinfo(repo: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(repo);
}

function checkGithubApp(settings: Settings): void {
  const byClient = settings.isOn('github-app-client-id');
  const byApplication = settings.isOn('github-app-application-id');
  const installation = settings.isOn('github-app-installation-id');
  if (!byClient && !byApplication) {
    refuseIf(installation, '--github-app-installation-id needs --github-app-application-id or --github-app-client-id');
    return;
  }
  const key = settings.isOn('github-app-private-key');
  const keyFile = settings.isOn('github-app-private-key-file');
  refuseIf(byClient && byApplication, 'only one of --github-app-client-id and --github-app-application-id may be set');
  refuseIf(!installation, '--github-app-installation-id must be set');
  refuseIf(!key && !keyFile, '--github-app-private-key-file or GITSYNC_GITHUB_APP_PRIVATE_KEY must be set');
  refuseIf(key && keyFile, 'only one of --github-app-private-key-file and GITSYNC_GITHUB_APP_PRIVATE_KEY may be set');
  for (const name of ['username', 'password', 'password-file']) {
    refuseIf(settings.isOn(name), `--${name} may not be set with a GitHub App`);
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
export const serverAccess =
  (credentials: readonly CredentialSpec[]): Rule =>
  (settings) => {
    checkPasswords(settings);
    identityAlone(settings);
    checkGithubApp(settings);
    checkCredentials(credentials);
  };

/** What 4.7.1 checks, in its order (compat.md 1.4), and the signal numbers that it should have checked (9.16). */
export function validateV4(settings: Settings, credentials: readonly CredentialSpec[]): void {
  checkSettings(settings, [
    mustBeSet('root'),
    mustBeSet('repo'),
    branchOrRev,
    someRef,
    rowsOf('depth', 'submodules', 'git-gc'),
    longEnough('period', 'wait'),
    rowsOf('init-period'),
    noPermissions,
    rowsOf('sync-on-signal'),
    longEnough('sync-timeout', 'timeout'),
    rowsOf('exechook-timeout', 'exechook-backoff', 'pre-publish-exechook-timeout', 'pre-publish-exechook-backoff'),
    rowsOf('webhook-success-status', 'webhook-timeout', 'webhook-backoff'),
    serverAccess(credentials),
    rowsOf('http-metrics', 'http-pprof'),
  ]);
  parseRemoteUrl(settings.text('repo'));
}
