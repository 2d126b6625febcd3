import type { GitAccess, NatsConfig } from '../config/sync-config.ts';
import type { RemoteUrl } from '../remote/url.ts';

interface HoldsSecrets extends GitAccess {
  readonly remote?: RemoteUrl;
  readonly nats: NatsConfig | undefined;
}

/** Secrets that the configuration itself holds; those from files and services are added as they are read. */
export function secretsOf(config: HoldsSecrets): (string | undefined)[] {
  return [
    ...config.credentials.map(({ password }) => password),
    config.remote?.userinfo?.password,
    config.githubApp?.privateKey,
    config.nats?.user?.password,
    ...[...config.gitConfig, ...config.gitConfigAdd]
      .filter(({ key }) => /extraheader/i.test(key))
      .map(({ value }) => value.split(':').slice(1).join(':').trim()),
  ];
}
