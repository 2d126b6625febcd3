import type { GitSetting } from '../git/config-file.ts';
import type { HttpAccess } from '../platform/http-connection.ts';
import { isPin } from '../platform/pinned-key.ts';
import { proxyFor } from '../platform/proxy.ts';

/** What git's settings and variables say about talking HTTP to one URL. */
export interface HttpSettings extends HttpAccess {
  readonly extraHeaders: readonly string[];
  readonly cookieFile: string | undefined;
  readonly userAgent: string | undefined;
  readonly followRedirects: 'never' | 'initial';
  /** `http.lowSpeedTime`, in milliseconds: how long a body may send nothing; undefined: as long as is usual. */
  readonly stallMs?: number | undefined;
}

/** A setting that only git itself can honour: the native poll leaves the URL to git. */
export class UnsupportedHttpSetting extends Error {
  override readonly name = 'UnsupportedHttpSetting';
}

/** Settings that change how objects travel, not whether a small request is answered. */
const IRRELEVANT = new Set([
  'version',
  'postbuffer',
  'maxrequests',
  'minsessions',
  'lowspeedlimit',
  'maxretries',
  'noepsv',
  'emptyauth',
  'schannelusesslcainfo',
]);
const UNDERSTOOD = new Set([
  'sslverify',
  'sslcainfo',
  'sslcert',
  'sslkey',
  'proxy',
  'extraheader',
  'cookiefile',
  'useragent',
  'followredirects',
  'lowspeedtime',
  'pinnedpubkey',
]);

function isTrue(value: string): boolean {
  return !['false', 'no', 'off', '0', ''].includes(value.toLowerCase());
}

/** Length of the matching path when `http.<pattern>.*` applies to `url`; undefined when it does not. */
function matchLength(pattern: string, url: URL): number | undefined {
  if (pattern.includes('*') || pattern.includes('@')) throw new UnsupportedHttpSetting(`http.${pattern}.*`);
  let wanted: URL;
  try {
    wanted = new URL(pattern);
  } catch {
    return undefined;
  }
  if (wanted.origin !== url.origin) return undefined;
  const path = wanted.pathname.replace(/\/+$/, '');
  return url.pathname === path || url.pathname.startsWith(`${path}/`) ? path.length : undefined;
}

/** Values of each `http.*` key that applies, the most specific section last, as git lets it win. */
function collect(url: URL, settings: readonly GitSetting[]): Map<string, string[]> {
  const matching: { key: string; value: string; weight: number }[] = [];
  for (const { key, value } of settings) {
    if (!key.toLowerCase().startsWith('http.')) continue;
    const last = key.lastIndexOf('.');
    const pattern = last > 4 ? key.slice(5, last) : undefined;
    const weight = pattern === undefined ? -1 : matchLength(pattern, url);
    if (weight !== undefined) matching.push({ key: key.slice(last + 1).toLowerCase(), value, weight });
  }
  const found = new Map<string, string[]>();
  for (const { key, value } of matching.sort((a, b) => a.weight - b.weight)) {
    if (IRRELEVANT.has(key)) continue;
    if (!UNDERSTOOD.has(key)) throw new UnsupportedHttpSetting(`http.${key}`);
    const before = found.get(key) ?? [];
    found.set(key, key === 'extraheader' && value === '' ? [] : [...before, value]);
  }
  return found;
}

/** As curl reads it: several keys with a semicolon between. It takes the path of a file too, and we do not. */
function pinsOf(text: string | undefined): readonly string[] | undefined {
  if (!text) return undefined;
  const pins = text.split(';');
  if (!pins.every(isPin)) throw new UnsupportedHttpSetting('http.pinnedPubkey with a file');
  return pins;
}

/** git takes seconds; with 0, or with text that is no number, our own limit is used. */
function stallMs(seconds: string | undefined): number | undefined {
  const ms = Number(seconds ?? '0') * 1000;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

function rewritesUrl(settings: readonly GitSetting[], url: URL): boolean {
  return settings.some(({ key, value }) => /^url\..*\.insteadof$/i.test(key) && url.href.startsWith(value));
}

/**
 * Reads git's settings and variables as git would for `url` (git-config, "http.*"; git, "Environment Variables").
 * @throws UnsupportedHttpSetting for anything that is not fully understood
 */
export function readHttpSettings(
  url: URL,
  settings: readonly GitSetting[],
  env: Readonly<Record<string, string | undefined>>,
): HttpSettings {
  if (rewritesUrl(settings, url)) throw new UnsupportedHttpSetting('url.*.insteadOf');
  for (const name of [
    'GIT_SSL_CAPATH',
    'GIT_SSL_VERSION',
    'GIT_SSL_CIPHER_LIST',
    'GIT_PROXY_SSL_CAINFO',
    'GIT_HTTP_PROXY_AUTHMETHOD',
    'GIT_SSL_CERT_PASSWORD_PROTECTED',
  ]) {
    if (env[name]) throw new UnsupportedHttpSetting(name);
  }
  const found = collect(url, settings);
  const last = (key: string): string | undefined => found.get(key)?.at(-1);
  const proxy = proxyFor(url, last('proxy'), env);
  if (proxy !== undefined && !/^https?:/i.test(proxy))
    throw new UnsupportedHttpSetting(`a proxy of type ${proxy.split(':')[0]}`);
  const certFile = env.GIT_SSL_CERT || last('sslcert');
  const redirects = last('followredirects') ?? 'initial';
  return {
    verify: env.GIT_SSL_NO_VERIFY === undefined && isTrue(last('sslverify') ?? 'true'),
    caFile: env.GIT_SSL_CAINFO || last('sslcainfo'),
    clientCertificate:
      certFile === undefined ? undefined : { certFile, keyFile: env.GIT_SSL_KEY || last('sslkey') || certFile },
    proxy,
    pins: pinsOf(last('pinnedpubkey')),
    extraHeaders: found.get('extraheader') ?? [],
    cookieFile: last('cookiefile'),
    userAgent: env.GIT_HTTP_USER_AGENT || last('useragent'),
    followRedirects: isTrue(redirects) ? 'initial' : 'never',
    stallMs: stallMs(env.GIT_HTTP_LOW_SPEED_TIME || last('lowspeedtime')),
  };
}
