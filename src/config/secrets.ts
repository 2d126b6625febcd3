import { parseCredentials } from './credential-json.ts';
import { parseGitConfig } from './git-config-grammar.ts';
import { holdsSecret, SECRET_KEY } from './secrecy.ts';
import type { EnvironmentVariables, Setting, Settings } from './settings.ts';

/** A text that must never be shown, in any spelling. */
export interface Secret {
  readonly text: string;
  /** The user with whom it is sent: a `Basic` header holds both. */
  readonly user?: string | undefined;
}

/** A path shorter than this is ordinary text and no secret. */
const SHORTEST_PATH = 16;
/** In these URLs a user without a password is a login name that is the same for all users. */
const PUBLIC_USER = /^(?:git\+)?ssh|^git/i;
const URL_USERINFO = /([a-z][a-z0-9+.-]*):\/\/([^/\s:@]*)(?::([^/\s]*))?@/gi;
const SECRET_QUERY = /[?&][\w-]*(?:token|secret|password|passwd|key|signature|sig)[\w-]*=([^&\s#"']+)/gi;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** User, password and secret query values of every URL in `text`. */
function ofUrls(text: string): Secret[] {
  const users = [...text.matchAll(URL_USERINFO)].flatMap(([, scheme = '', user = '', password]): Secret[] => {
    if (password) return [{ text: decode(password), user: decode(user) }];
    return PUBLIC_USER.test(scheme) ? [] : [{ text: decode(user) }];
  });
  return [...users, ...[...text.matchAll(SECRET_QUERY)].map(([, value = '']) => ({ text: decode(value) }))];
}

/** Such a service may accept everyone who knows its path. */
function ofAddress(url: string): Secret[] {
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*[/?#]+(.*)$/is.exec(url)?.[1] ?? '';
  return [...ofUrls(url), ...(path.length >= SHORTEST_PATH ? [{ text: path }] : [])];
}

/** `Authorization: Basic dXNlcjpwYXNz`: the value, what stands behind the scheme, and what that says. */
function ofHeader(line: string): Secret[] {
  const value = line.slice(line.indexOf(':') + 1).trim();
  const [, scheme, token] = /^([A-Za-z][\w-]*)\s+(\S+)$/.exec(value) ?? [];
  if (token === undefined) return [{ text: value }];
  const [user = '', password = ''] = Buffer.from(token, 'base64').toString().split(/:(.*)/s);
  const basic = scheme?.toLowerCase() === 'basic' ? [{ text: password, user }] : [];
  return [{ text: value }, { text: token }, ...basic];
}

/** A credential helper can be a line of shell that prints the password. */
function ofShell(line: string): Secret[] {
  const printed = [...line.matchAll(/\bpassword=([^\s;"'}]+)/g)].map(([, text = '']) => ({ text }));
  return [...printed, ...ofUrls(line)];
}

function ofGitSetting(key: string, value: string): Secret[] {
  const own = /extraheader$/i.test(key) ? ofHeader(value) : SECRET_KEY.test(key) ? [{ text: value }] : [];
  return [...own, ...ofUrls(key), ...ofShell(value)];
}

function ofText({ option, sourceName }: Setting, text: string, settings: Settings): Secret[] {
  const { secret, since } = option;
  const user = settings.text('username') || undefined;
  if (secret === true) return [{ text, user }];
  if (secret === 'credentials')
    return parseCredentials(text, sourceName).flatMap(({ url, username, password = '' }) => [
      { text: password, user: username },
      ...ofUrls(url),
    ]);
  if (secret === 'address') return ofAddress(text);
  if (secret === 'shell') return ofShell(text);
  // What no v3 had has v4's grammar in every mode.
  const isV4 = settings.mode === 'v4' || since === '4.next';
  if (secret === 'git-settings')
    return parseGitConfig(text, isV4).flatMap(({ key, value }) => ofGitSetting(key, value));
  return ofUrls(text);
}

/** git's own variables (git-config(1)): `GIT_CONFIG_KEY_0`, `GIT_CONFIG_VALUE_0`; and proxies. */
function ofEnvironment(env: EnvironmentVariables): Secret[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    const number = /^GIT_CONFIG_VALUE_(\d+)$/.exec(name)?.[1];
    if (number !== undefined) return ofGitSetting(env[`GIT_CONFIG_KEY_${number}`] ?? '', value);
    return /_proxy$/i.test(name) ? ofUrls(value) : [];
  });
}

/**
 * The secrets that checked options and the environment hold; those from files and services are learned as they are
 * read. An option's row says where in its value they are.
 */
export function secretsOf(settings: Settings, env: EnvironmentVariables): Secret[] {
  const found = settings.all().flatMap((setting) => {
    const { value } = setting;
    if (typeof value === 'number' || typeof value === 'boolean') return [];
    return [value].flat().flatMap((text) => ofText(setting, text, settings));
  });
  return [...found, ...ofEnvironment(env)].filter(({ text }) => text !== '');
}

/** True when a flag holds a secret: every user of the machine can read flags in the list of processes. */
export function showsSecrets(settings: Settings): boolean {
  return settings.all().some(({ option, source, value }) => source === 'flag' && holdsSecret(option, value));
}
