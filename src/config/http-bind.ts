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

/** `--http-bind` and what belongs to it. @throws InvalidOption */
export function parseHttpBind(settings: Settings): HttpConfig | undefined {
  if (!settings.isOn('http-bind')) return undefined;
  return {
    ...parseAddress('--http-bind', settings.text('http-bind')),
    metrics: settings.flag('http-metrics'),
    profiles: settings.flag('http-pprof'),
    profilesTokenFile: settings.text('http-pprof-token-file') || undefined,
    maxStalenessMs: settings.has('max-staleness') ? settings.number('max-staleness') : 0,
    pushSecretFile: settings.text('push-secret-file') || undefined,
    syncTokenFile: settings.text('sync-token-file') || undefined,
  };
}
