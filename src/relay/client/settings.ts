import { hostname } from 'node:os';
import type { RelayClientConfig } from '../../config/sync-config.ts';
import type { GitSetting } from '../../git/config-file.ts';
import { INSTANCE_HEADER } from '../protocol/report.ts';

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

/** Git settings with which git and the native requests show the relay the right certificates. */
export function relayGitSettings({ url, caFile, certFile, keyFile }: RelayClientConfig): GitSetting[] {
  const files = { sslCAInfo: caFile, sslCert: certFile, sslKey: keyFile };
  return Object.entries(files).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key: `http.${url}/.${key}`, value }],
  );
}
