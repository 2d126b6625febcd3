import type { GitAccess, NatsConfig, WebhookConfig } from '../config/sync-config.ts';
import type { Redactor } from '../platform/redact.ts';
import type { RemoteUrl } from '../remote/url.ts';

interface HoldsSecrets extends GitAccess {
  readonly remote?: RemoteUrl;
  readonly webhook?: WebhookConfig | undefined;
  readonly nats: NatsConfig | undefined;
}

const SHORTEST_PATH = 16;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** User and password of every URL in `text`. */
function addUserinfo(redactor: Redactor, text: string | undefined): void {
  for (const [, user = '', password] of (text ?? '').matchAll(/:\/\/([^/\s:@]*)(?::([^/\s]*))?@/g)) {
    // `https://token@host`
    if (password === undefined) redactor.add(decode(user));
    else redactor.add(decode(password), decode(user));
  }
}

/** Who knows the path of such a service may be let in by it. A short path is ordinary words. */
function addPath(redactor: Redactor, url: string | undefined): void {
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*[/?#]+(.*)$/is.exec(url ?? '')?.[1];
  if (path !== undefined && path.length >= SHORTEST_PATH) redactor.add(path);
}

/** `Authorization: Basic dXNlcjpwYXNz`: the value, what stands behind the scheme, and what that says. */
function addHeader(redactor: Redactor, line: string): void {
  const value = line.slice(line.indexOf(':') + 1).trim();
  const [, scheme, token] = /^([A-Za-z][\w-]*)\s+(\S+)$/.exec(value) ?? [];
  redactor.add(value);
  redactor.add(token);
  if (scheme?.toLowerCase() !== 'basic' || token === undefined) return;
  const [user = '', password] = Buffer.from(token, 'base64').toString().split(/:(.*)/s);
  redactor.add(password, user);
}

/**
 * Teaches `redactor` the secrets that the configuration itself holds; those from files and services are added as they
 * are read.
 */
export function addSecrets(redactor: Redactor, config: HoldsSecrets): void {
  const { remote, githubApp, nats, webhook, askpassUrl, environment } = config;
  for (const { username, password } of config.credentials) redactor.add(password, username);
  redactor.add(remote?.userinfo?.password, remote?.userinfo?.username);
  if (remote?.userinfo?.password === '') redactor.add(remote.userinfo.username);
  redactor.add(githubApp?.privateKey);
  redactor.add(nats?.user?.password, nats?.user?.name);
  for (const url of [webhook?.url, askpassUrl]) {
    addUserinfo(redactor, url);
    addPath(redactor, url);
  }
  for (const [name, value] of Object.entries(environment)) if (/_proxy$/i.test(name)) addUserinfo(redactor, value);
  for (const { key, value } of [...config.gitConfig, ...config.gitConfigAdd]) {
    if (/extraheader$/i.test(key)) addHeader(redactor, value);
    addUserinfo(redactor, key);
    addUserinfo(redactor, value);
  }
}
