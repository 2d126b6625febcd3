import type { RelayClientConfig, SyncConfig } from '../config/sync-config.ts';
import type { GitSetting } from '../git/config-file.ts';

/** As whom git shows its token to a relay, which looks at the token only. */
export const RELAY_USER = 'git-sidecar';

/** Git settings with which git and the native requests show the relay the right certificates. */
export function relayGitSettings({ url, caFile, certFile, keyFile }: RelayClientConfig): GitSetting[] {
  const files = { sslCAInfo: caFile, sslCert: certFile, sslKey: keyFile };
  return Object.entries(files).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key: `http.${url}/.${key}`, value }],
  );
}

/** The configuration with what the relay wants to see from git: its token as a password, its certificates. */
export function withRelayAccess(config: SyncConfig): SyncConfig {
  const { relay } = config;
  if (!relay) return config;
  const { tokenFile: passwordFile, url } = relay;
  const credential = passwordFile === undefined ? [] : [{ url: `${url}/git`, username: RELAY_USER, passwordFile }];
  return {
    ...config,
    credentials: [...config.credentials, ...credential],
    gitConfigAdd: [...config.gitConfigAdd, ...relayGitSettings(relay)],
    // They are for the git server, which is not asked.
    ...(!relay.fallback && { askpassUrl: undefined, githubApp: undefined }),
  };
}
