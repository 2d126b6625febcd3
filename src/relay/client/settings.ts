import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { RelayClientConfig } from '../../config/sync-config.ts';
import type { GitSetting } from '../../git/config-file.ts';
import { INSTANCE_HEADER, KEY_HEADER } from '../protocol/report.ts';

/** The user name with which git sends its token to a relay; the relay looks at the token only. */
export const RELAY_USER = 'git-sidecar';

/** What people call the instance. */
export function instanceName({ instance }: RelayClientConfig): string {
  return instance ?? hostname();
}

/** A git setting that shows the relay which instance fetches: some relays give out only what was released to it. */
export function instanceSetting(relay: RelayClientConfig): GitSetting {
  const value = `${INSTANCE_HEADER}: ${encodeURIComponent(instanceName(relay))}`;
  return { key: `http.${relay.url}/.extraHeader`, value };
}

/** A new key of a subscriber, as {@link KEY_HEADER} holds it. */
export function createKey(): string {
  return randomBytes(32).toString('base64url');
}

/** A git setting that shows the relay the key of this subscriber. It is secret. */
export function keySetting({ url }: RelayClientConfig, key: string): GitSetting {
  return { key: `http.${url}/.extraHeader`, value: `${KEY_HEADER}: ${key}` };
}

/** Git settings with which git and the native requests show the relay the right certificates. */
export function relayGitSettings({ url, caFile, certFile, keyFile }: RelayClientConfig): GitSetting[] {
  const files = { sslCAInfo: caFile, sslCert: certFile, sslKey: keyFile };
  return Object.entries(files).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key: `http.${url}/.${key}`, value }],
  );
}
