const MASK = '*****';

/** Userinfo of any URL inside a text: `scheme://user:secret@host`. */
const URL_USERINFO = /([a-z][a-z0-9+.-]*:\/\/)([^/\s:@'"]*)(?::([^/\s@'"]*))?@/gi;
/** `Authorization: Basic …`, `Bearer …`, as git prints them under trace settings. */
const AUTH_HEADER = /\b((?:proxy-)?authorization\s*[:=]\s*(?:\w+\s+)?)[^\s,;"']+/gi;
/** Query parameters that carry secrets by their name. */
const SECRET_QUERY = /([?&](?:[\w-]*(?:token|secret|password|passwd|key|signature|sig)[\w-]*)=)[^&\s#"']+/gi;

/** `url` as it may be shown: no password, no token-like user, no secret query value. */
export function redactUrl(url: string): string {
  return url
    .replace(URL_USERINFO, (_all, scheme: string, user: string, password: string | undefined) =>
      password === undefined ? `${scheme}${scheme.startsWith('http') ? MASK : user}@` : `${scheme}${user}:${MASK}@`,
    )
    .replace(SECRET_QUERY, `$1${MASK}`);
}

/**
 * Replaces secrets in any text that leaves the program.
 * Knows two things: what secrets look like (URL userinfo, Authorization headers, token-like query values),
 * and the literal secrets that the configuration and the credential sources have told it.
 */
export class Redactor {
  readonly #secrets = new Set<string>();

  /** Remembers `secret`; shorter than three characters would tear up ordinary words and is not replaced. */
  add(secret: string | undefined): void {
    for (const form of secret === undefined ? [] : [secret, secret.trim(), encodeURIComponent(secret.trim())]) {
      if (form.length >= 3) this.#secrets.add(form);
    }
  }

  redact(text: string): string {
    let out = text;
    for (const secret of this.#secrets) {
      if (out.includes(secret)) out = out.replaceAll(secret, MASK);
    }
    return redactUrl(out).replace(AUTH_HEADER, `$1${MASK}`);
  }
}
