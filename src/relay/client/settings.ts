import type { RelayClientConfig } from '../../config/sync-config.ts';
import type { GitSetting } from '../../git/config-file.ts';

/** The user name with which git sends its token to a relay; the relay looks at the token only. */
export const RELAY_USER = 'git-sidecar';

/** Git settings with which git and the native requests show the relay the right certificates. */
export function relayGitSettings({ url, caFile, certFile, keyFile }: RelayClientConfig): GitSetting[] {
  const files = { sslCAInfo: caFile, sslCert: certFile, sslKey: keyFile };
  return Object.entries(files).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key: `http.${url}/.${key}`, value }],
  );
}
