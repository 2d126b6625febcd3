import type { GitSetting } from './config-file.ts';

const EXTRA_HEADER = /^http\.(?:(.*)\.)?extraheader$/is;

/** A variable of git's own way to hand settings down (git-config, "GIT_CONFIG_COUNT"). */
const KEY_VARIABLE = /^GIT_CONFIG_KEY_\d+$/;

function scopedKey(key: string, origin: string): string {
  const found = EXTRA_HEADER.exec(key);
  return found && found[1] === undefined ? `http.${origin}/.extraHeader` : key;
}

/**
 * `settings` with every `http.extraHeader` that names no URL bound to one origin. Without that, git shows it to whatever
 * host a submodule or git-lfs asks, and we would show it to a relay.
 * @param origin scheme, host and port; undefined where the repository has none that HTTP reaches
 */
export function scopeHeaders<T extends GitSetting>(settings: readonly T[], origin: string | undefined): T[] {
  if (origin === undefined) return [...settings];
  return settings.map((setting) => ({ ...setting, key: scopedKey(setting.key, origin) }));
}

/** The same for settings in variables. */
export function scopeHeaderVariables(
  env: Readonly<Record<string, string>>,
  origin: string | undefined,
): Record<string, string> {
  const scope = (name: string, value: string): string =>
    origin !== undefined && KEY_VARIABLE.test(name) ? scopedKey(value, origin) : value;
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, scope(name, value)]));
}

/** What belongs to one server: headers, cookies, the client's certificate, the key that the server has to show. */
const BELONGS = /^http\.(?:(.*)\.)?(extraheader|cookiefile|sslcert|pinnedpubkey)$/is;

export interface Confined {
  readonly settings: readonly GitSetting[];
  /** May hold settings too, and a client certificate. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the repository; undefined where it has none that HTTP reaches. */
  readonly origin: string | undefined;
}

/**
 * Settings that keep git from following a redirect with what was given for another place. git chooses headers once, by
 * the URL that it begins with, and sends them to wherever it is redirected, in every request that follows (http.c,
 * `http_init` and `update_url_from_redirect`), also those that were given for one URL only.
 */
export function refuseRedirects({ settings, env, origin }: Confined): GitSetting[] {
  const inVariables = Object.entries(env).flatMap(([name, value]) => (KEY_VARIABLE.test(name) ? [value] : []));
  const repository = origin === undefined ? undefined : `http.${origin}/.followRedirects`;
  const keys = [...settings.map(({ key }) => key), ...inVariables].flatMap((key) => {
    const [all, place, name = ''] = BELONGS.exec(key) ?? [];
    if (all === undefined) return [];
    if (place !== undefined) return [`http.${place}.followRedirects`];
    // Cookies and certificates without a URL are for the submodules of other hosts too; only their own redirects are safe.
    if (name.toLowerCase() !== 'extraheader') return [repository ?? []].flat();
    return ['http.followRedirects'];
  });
  if (env.GIT_SSL_CERT && repository !== undefined) keys.push(repository);
  return [...new Set(keys)].map((key) => ({ key, value: 'false' }));
}
