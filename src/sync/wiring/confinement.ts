import { readFile } from 'node:fs/promises';
import type { SyncConfig } from '../../config/sync-config.ts';
import type { GitSetting } from '../../git/config-file.ts';
import { refuseRedirects, scopeHeaders, scopeHeaderVariables } from '../../git/header-scope.ts';
import { userGitConfig } from '../../poll/native-poll.ts';

/** The configuration with every header that names no URL given for the repository's git server only. */
export function withScopedHeaders(config: SyncConfig): SyncConfig {
  const { origin } = config.remote;
  return {
    ...config,
    gitConfig: scopeHeaders(config.gitConfig, origin),
    gitConfigAdd: scopeHeaders(config.gitConfigAdd, origin),
    environment: scopeHeaderVariables(config.environment, origin),
    gitEnvironment: scopeHeaderVariables(config.gitEnvironment, origin),
  };
}

/** Settings with which git follows no redirect that would carry something secret to another server. */
export async function confinement(config: SyncConfig): Promise<GitSetting[]> {
  const { gitConfig, gitConfigAdd, cookieFile, environment, remote } = config;
  const cookies = cookieFile === undefined ? [] : [{ key: 'http.cookieFile', value: cookieFile }];
  const settings = [...cookies, ...gitConfig, ...gitConfigAdd];
  const confined = refuseRedirects({ settings, env: environment, origin: remote.origin });
  // v3 reads a file of the user's. What it gives to a server may name any place, or none.
  const file = await userGitConfig(config);
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  return /extraheader|cookiefile|sslcert|pinnedpubkey/i.test(text)
    ? [...confined, { key: 'http.followRedirects', value: 'false' }]
    : confined;
}
