import type { CredentialHelpers, CredentialSpec, GitAccess, GitHubAppConfig, SshConfig } from '../remote/git-access.ts';
import type { RemoteUrl } from '../remote/url.ts';
import { applicationEnvironment, childEnvironment } from './environment.ts';
import { parseGitConfig } from './git-config-grammar.ts';
import { identityConfig } from './identity.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';

const COOKIE_FILE = '/etc/git-secret/cookie_file';

function githubApp(settings: Settings): GitHubAppConfig | undefined {
  const clientId = settings.text('github-app-client-id');
  const applicationId = settings.number('github-app-application-id');
  if (clientId === '' && applicationId === 0) return undefined;
  return {
    baseUrl: settings.text('github-base-url'),
    issuer: clientId || String(applicationId),
    installationId: settings.number('github-app-installation-id'),
    privateKey: settings.text('github-app-private-key') || undefined,
    privateKeyFile: settings.text('github-app-private-key-file') || undefined,
  };
}

function credentialHelpers(settings: Settings): CredentialHelpers | undefined {
  const lines = settings.list('credential-helper').filter((line) => line !== '');
  return lines.length === 0 ? undefined : { lines, username: settings.text('username') };
}

/** `--username`, then the URL’s own userinfo, then `--credential`: where several fit a URL equally, the last wins. */
function allCredentials(
  settings: Settings,
  remotes: readonly RemoteUrl[],
  more: readonly CredentialSpec[],
): CredentialSpec[] {
  const own: CredentialSpec[] = [];
  const username = settings.text('username');
  if (username !== '') {
    const passwordFile = settings.text('password-file');
    const secret = passwordFile === '' ? { password: settings.text('password') } : { passwordFile };
    if (passwordFile !== '' || settings.text('password') !== '')
      own.push(...remotes.map(({ fetchUrl }) => ({ url: fetchUrl, username, ...secret })));
  }
  for (const { userinfo, fetchUrl } of remotes) if (userinfo) own.push({ url: fetchUrl, ...userinfo });
  return [...own, ...more];
}

/** v3 touches ssh only with `--ssh`, and then replaces the user's GIT_SSH_COMMAND; v4 always adds to it (compat.md 7). */
function sshConfig(settings: Settings, env: EnvironmentVariables): SshConfig {
  const v4 = settings.mode === 'v4';
  if (!v4 && !settings.isOn('ssh')) {
    return { keyFiles: [], hostKeys: { check: 'default' }, command: env.GIT_SSH_COMMAND || undefined };
  }
  const file = settings.text('ssh-known-hosts-file');
  return {
    keyFiles: settings.list('ssh-key-file').filter((path) => path !== ''),
    hostKeys: settings.flag('ssh-known-hosts') ? { check: 'file', file } : { check: 'none' },
    command: v4 ? env.GIT_SSH_COMMAND || undefined : undefined,
  };
}

/**
 * How git servers are talked to.
 * @param remotes those that `--username`, `--askpass-url`, the GitHub App, identities and credential helpers are for
 * @param more credentials with URLs of their own
 */
export function buildGitAccess(
  settings: Settings,
  env: EnvironmentVariables,
  remotes: readonly RemoteUrl[],
  more: readonly CredentialSpec[],
): GitAccess {
  const quotedKeys = settings.mode === 'v4';
  return {
    credentials: allCredentials(settings, remotes, more),
    credentialUrls: remotes.map(({ fetchUrl }) => fetchUrl),
    askpassUrl: settings.text('askpass-url') || undefined,
    githubApp: githubApp(settings),
    identity: identityConfig(settings, env),
    credentialHelpers: credentialHelpers(settings),
    cookieFile: settings.flag('cookie-file') ? COOKIE_FILE : undefined,
    ssh: sshConfig(settings, env),
    git: settings.text('git'),
    gitConfig: parseGitConfig(settings.text('git-config'), quotedKeys),
    gitConfigAdd: settings.list('git-config-add').flatMap((text) => parseGitConfig(text, true)),
    environment: childEnvironment(env),
    gitEnvironment: applicationEnvironment(env),
  };
}
