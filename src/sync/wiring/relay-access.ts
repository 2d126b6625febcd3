import type { SyncConfig } from '../../config/sync-config.ts';
import { createKey, instanceSetting, keySetting, RELAY_USER, relayGitSettings } from '../../relay/client/settings.ts';

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

/** The key by which the relay knows this sync again, and the configuration with which git shows it. */
export interface Keyed {
  readonly config: SyncConfig;
  /** undefined without a relay. */
  readonly relayKey: string | undefined;
}

/**
 * A new key. git gets it in its environment: hooks do not see it, and it is not written to a file.
 * @param remember makes it known to the log as a secret
 */
export function withRelayKey(config: SyncConfig, remember: (secret: string) => void): Keyed {
  const { relay, gitEnvironment } = config;
  if (!relay) return { config, relayKey: undefined };
  const relayKey = createKey();
  remember(relayKey);
  const { key, value } = keySetting(relay, relayKey);
  const next = Number(gitEnvironment.GIT_CONFIG_COUNT ?? '0') || 0;
  const setting = {
    GIT_CONFIG_COUNT: `${next + 1}`,
    [`GIT_CONFIG_KEY_${next}`]: key,
    [`GIT_CONFIG_VALUE_${next}`]: value,
  };
  return { config: { ...config, gitEnvironment: { ...gitEnvironment, ...setting } }, relayKey };
}
