import { isPin } from '../platform/pinned-key.ts';
import type { CredentialHelpers, CredentialSpec, GitAccess, GitHubAppConfig, SshConfig } from '../remote/git-access.ts';
import type { RemoteUrl } from '../remote/url.ts';
import { applicationEnvironment, childEnvironment } from './environment.ts';
import { parseGitConfig } from './git-config-grammar.ts';
import { identityConfig } from './identity.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';
import { refuseIf } from './validation.ts';

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

/** Socket of the agent. @throws InvalidOption where the variable is to name it and is not set */
function agentOf(settings: Settings, env: EnvironmentVariables): string | undefined {
  const text = settings.text('ssh-agent');
  if (text !== 'SSH_AUTH_SOCK') return text || undefined;
  refuseIf(!env.SSH_AUTH_SOCK, '--ssh-agent=SSH_AUTH_SOCK needs this variable to be set', false);
  return env.SSH_AUTH_SOCK;
}

/** v3 touches ssh only with `--ssh`, and then replaces the user's GIT_SSH_COMMAND; v4 always adds to it (compat.md 7). */
function sshConfig(settings: Settings, env: EnvironmentVariables): SshConfig {
  const v4 = settings.mode === 'v4';
  const file = settings.text('ssh-known-hosts-file');
  const acceptNew = settings.flag('ssh-accept-new');
  const certificateFiles = settings.list('ssh-certificate-file').filter((path) => path !== '');
  const agent = agentOf(settings, env);
  const isChecked = settings.flag('ssh-known-hosts');
  refuseIf(acceptNew && !isChecked, 'only one of --ssh-accept-new and --ssh-known-hosts=false may be set', false);
  if (!v4 && !settings.isOn('ssh')) {
    const hostKeys: SshConfig['hostKeys'] = acceptNew ? { check: 'accept-new', file } : { check: 'default' };
    return { keyFiles: [], certificateFiles, agent, hostKeys, command: env.GIT_SSH_COMMAND || undefined };
  }
  const usesKeyFiles = agent === undefined || settings.isSet('ssh-key-file');
  return {
    keyFiles: usesKeyFiles ? settings.list('ssh-key-file').filter((path) => path !== '') : [],
    certificateFiles,
    agent,
    hostKeys: isChecked ? { check: acceptNew ? 'accept-new' : 'file', file } : { check: 'none' },
    command: v4 ? env.GIT_SSH_COMMAND || undefined : undefined,
  };
}

/** `--tls-pin` as git's own setting, for the servers of `remotes` and no others. @throws InvalidOption */
function pinSettings(settings: Settings, remotes: readonly RemoteUrl[]): GitAccess['gitConfigAdd'] {
  if (!settings.isOn('tls-pin')) return [];
  const pins = settings.list('tls-pin').flatMap((text) => text.split(';').filter((pin) => pin !== ''));
  const odd = pins.find((pin) => !isPin(pin));
  refuseIf(odd !== undefined, `--tls-pin ${JSON.stringify(odd)} is not sha256// and 44 characters of base64`, false);
  const origins = remotes.flatMap(({ origin }) => (origin?.startsWith('https:') ? [origin] : []));
  refuseIf(origins.length === 0, '--tls-pin needs an https:// URL in --repo', false);
  return origins.map((origin) => ({ key: `http.${origin}/.pinnedPubkey`, value: pins.join(';') }));
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
    gitConfigAdd: [
      ...settings.list('git-config-add').flatMap((text) => parseGitConfig(text, true)),
      ...pinSettings(settings, remotes),
    ],
    environment: childEnvironment(env),
    gitEnvironment: applicationEnvironment(env),
  };
}
