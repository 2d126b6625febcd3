import type { SyncConfig } from '../../config/sync-config.ts';
import { instanceSetting, RELAY_USER, relayGitSettings } from '../../relay/client/settings.ts';

/** The configuration with what the relay wants to see from git: its token as a password, its certificates. */
export function withRelayAccess(config: SyncConfig): SyncConfig {
  const { relay } = config;
  if (!relay) return config;
  const { tokenFile: passwordFile, url } = relay;
  const credential = passwordFile === undefined ? [] : [{ url: `${url}/git`, username: RELAY_USER, passwordFile }];
  return {
    ...config,
    credentials: [...config.credentials, ...credential],
    gitConfigAdd: [...config.gitConfigAdd, ...relayGitSettings(relay), instanceSetting(relay)],
    // They are for the git server, which is not asked.
    ...(!relay.fallback && { askpassUrl: undefined, githubApp: undefined, identity: undefined, credentialUrls: [] }),
  };
}
