import { formsOf, type SecretForm, SHORTEST_SECRET } from './secret-forms.ts';

const MASK = '*****';

/**
 * Userinfo of any URL inside a text: `scheme://user:secret@host`. The lengths are bounded where the text of a server
 * could make the search slow.
 */
const URL_USERINFO = /([a-z][a-z0-9+.-]{0,30}:\/\/)([^/\s:@'"]*)(?::([^/\s'"]*))?@/gi;
/** In these URLs the user is a login name that is the same for all users. */
const PUBLIC_USER = /^(?:ssh|git|git\+ssh|ssh\+git):/i;
/** `Authorization: Basic …`, `Bearer …`, as git prints them under trace settings. */
const AUTH_HEADER = /\b((?:proxy-)?authorization\s{0,9}[:=]\s{0,9}(?:\w{1,30}\s{1,9})?)[^\s,;"']+/gi;
/** Query parameters that carry secrets by their name. */
const SECRET_QUERY = /([?&](?:[\w-]{0,40}?(?:token|secret|password|passwd|key|signature|sig)[\w-]{0,40})=)[^&\s#"']+/gi;

/** `url` as it may be shown: no password, no token-like user, no secret query value. */
export function redactUrl(url: string): string {
  return url
    .replace(URL_USERINFO, (_all, scheme: string, user: string, password: string | undefined) =>
      password === undefined ? `${scheme}${PUBLIC_USER.test(scheme) ? user : MASK}@` : `${scheme}${user}:${MASK}@`,
    )
    .replace(SECRET_QUERY, `$1${MASK}`);
}

/** Secrets that are replaced in time: so many of the latest are remembered. */
const MOST_RENEWED = 100;
/** When a text is cut off within a secret, so many characters are enough to recognise it. */
const SHORTEST_CUT = 6;
const DEEPEST = 6;

interface Secret {
  readonly text: string;
  readonly forms: readonly SecretForm[];
}

/** A key or certificate has several lines, and a text may show any of them. */
function partsOf(secret: string): string[] {
  const lines = secret.trim().split(/\s*\n\s*/);
  return lines.length === 1 ? lines : lines.filter((line) => line.length > SHORTEST_CUT && !line.startsWith('-----'));
}

/** `text` without the end of it that is the beginning of `secret`. */
function withoutCutEnd(text: string, secret: string): string {
  const end = /["'\u2026]?\s*$/.exec(text)?.index ?? text.length;
  for (let length = Math.min(secret.length - 1, end); length >= SHORTEST_CUT; length -= 1) {
    if (text[end - 1] === secret[length - 1] && text.startsWith(secret.slice(0, length), end - length))
      return `${text.slice(0, end - length)}${MASK}${text.slice(end)}`;
  }
  return text;
}

/** `text` without the end of `secret` with which it begins from `start`. */
function withoutCutStart(text: string, start: number, secret: string): string {
  for (let length = secret.length - 1; length >= SHORTEST_CUT; length -= 1) {
    const rest = secret.slice(-length);
    if (text.startsWith(rest, start)) return `${text.slice(0, start)}${MASK}${text.slice(start + length)}`;
  }
  return text;
}

/**
 * Replaces secrets in any text that leaves the program. Knows two things: what secrets look like (URL userinfo,
 * Authorization headers, token-like query values), and the literal secrets that the configuration and the credential
 * sources have added, however they are spelled (secret-forms.ts says how). A secret of one or two characters is not
 * looked for, one of up to seven is replaced only where it stands alone: else a password `e` would make the log
 * unreadable.
 */
export class Redactor {
  readonly #lasting = new Map<string, readonly Secret[]>();
  /** The latest last. */
  readonly #renewed = new Map<string, readonly Secret[]>();

  /** Remembers `secret` until the process ends. @param user the user with whom it is sent */
  add(secret: string | undefined, user?: string): void {
    this.#remember(this.#lasting, secret, user);
  }

  /** Remembers `secret` until a hundred later ones came: for those that are read again and again. */
  addRenewed(secret: string | undefined, user?: string): void {
    this.#remember(this.#renewed, secret, user);
    const [oldest] = this.#renewed.keys();
    if (this.#renewed.size > MOST_RENEWED && oldest !== undefined) this.#renewed.delete(oldest);
  }

  redact(text: string): string {
    let out = text;
    for (const secrets of [...this.#lasting.values(), ...this.#renewed.values()])
      for (const secret of secrets) out = this.#without(out, secret);
    return redactUrl(out).replace(AUTH_HEADER, `$1${MASK}`);
  }

  /** `value` with every text in it redacted; errors become their messages. Names of properties stay. */
  redactAll(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return this.redact(value);
    if (value instanceof Error) return this.redact(value.message);
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= DEEPEST) return '…';
    if (Array.isArray(value)) return value.map((each) => this.redactAll(each, depth + 1));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return this.redact(String(value));
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.redactAll(each, depth + 1)]));
  }

  #remember(secrets: Map<string, readonly Secret[]>, secret: string | undefined, user: string | undefined): void {
    if (secret === undefined || secret.trim().length < SHORTEST_SECRET) return;
    const key = `${user ?? ''}\n${secret}`;
    const known = secrets.get(key) ?? partsOf(secret).map((text) => ({ text, forms: formsOf(text, user) }));
    secrets.delete(key);
    secrets.set(key, known);
  }

  #without(text: string, { text: secret, forms }: Secret): string {
    let out = text;
    for (const { text: form, pattern } of forms) if (out.includes(form)) out = out.replace(pattern, MASK);
    if (secret.length <= SHORTEST_CUT) return out;
    out = withoutCutStart(withoutCutEnd(out, secret), 0, secret);
    // What is shortened for the log begins with a mark.
    const mark = out.indexOf('…');
    return mark < 0 ? out : withoutCutStart(out, mark + 1, secret);
  }
}
