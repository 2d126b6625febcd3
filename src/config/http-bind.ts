import type { Address } from './run-config.ts';
import type { Settings } from './settings.ts';
import type { HttpConfig } from './sync-config.ts';
import { refuseIf } from './validation.ts';

/** `:1234`, `host:1234`, `[::1]:1234` as Go's net.Listen reads them. */
export function parseAddress(option: string, text: string): Address {
  const found = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  refuseIf(
    !found || port > 65535,
    `${option} ${JSON.stringify(text)} must look like :1234, 127.0.0.1:1234 or [::1]:1234`,
    false,
  );
  return { host: found?.[1] || found?.[2] || undefined, port };
}

export function parseHttpBind(settings: Settings): HttpConfig | undefined {
  const text = settings.text('http-bind');
  const profilesTokenFile = settings.text('http-pprof-token-file');
  refuseIf(
    profilesTokenFile !== '' && !settings.flag('http-pprof'),
    '--http-pprof-token-file needs --http-pprof',
    false,
  );
  const [pushSecretFile, syncTokenFile] = [settings.text('push-secret-file'), settings.text('sync-token-file')];
  if (text === '') {
    refuseIf(pushSecretFile + syncTokenFile !== '', '--push-secret-file and --sync-token-file need --http-bind', false);
    return undefined;
  }
  return {
    ...parseAddress('--http-bind', text),
    metrics: settings.flag('http-metrics'),
    profiles: settings.flag('http-pprof'),
    profilesTokenFile: profilesTokenFile || undefined,
    maxStalenessMs: settings.number('max-staleness'),
    pushSecretFile: pushSecretFile || undefined,
    syncTokenFile: syncTokenFile || undefined,
  };
}
