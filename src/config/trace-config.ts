import type { Settings } from './settings.ts';
import { refuseIf } from './validation.ts';

/** Where spans go. */
export interface TraceConfig {
  /** Of a collector, without `/v1/traces`; may hold a user and a password. */
  readonly endpoint: string;
  readonly headersFile: string | undefined;
}

/** `--otlp-endpoint` and what belongs to it; undefined where it is not set. @throws InvalidOption */
export function parseTraces(settings: Settings): TraceConfig | undefined {
  const endpoint = settings.text('otlp-endpoint');
  if (endpoint === '') return undefined;
  const isUrl = /^https?:\/\//i.test(endpoint) && URL.canParse(endpoint) && new URL(endpoint).search === '';
  refuseIf(!isUrl, '--otlp-endpoint must be a URL such as http://collector:4318');
  return { endpoint, headersFile: settings.text('otlp-headers-file') || undefined };
}
