interface Cookie {
  readonly domain: string;
  readonly subdomains: boolean;
  readonly path: string;
  readonly secure: boolean;
  /** Seconds since the epoch; 0: a session cookie, always sent. */
  readonly expires: number;
  readonly pair: string;
}

/** Lines of seven tab-separated fields, as curl and browsers export them; `#HttpOnly_` before the domain is no comment. */
function readCookieLine(line: string): Cookie | undefined {
  const bare = line.startsWith('#HttpOnly_') ? line.slice('#HttpOnly_'.length) : line;
  if (bare.startsWith('#')) return undefined;
  const [domain, subdomains, path, secure, expires, name, value] = bare.split('\t');
  if (!domain || !path || name === undefined) return undefined;
  return {
    domain: domain.replace(/^\./, '').toLowerCase(),
    subdomains: subdomains === 'TRUE',
    path,
    secure: secure === 'TRUE',
    expires: Number(expires),
    pair: `${name}=${value ?? ''}`,
  };
}

/** The values of all cookies of a cookie file, whatever they are for. */
export function cookieValues(text: string): string[] {
  return text
    .split(/\r?\n/)
    .flatMap((line) => readCookieLine(line) ?? [])
    .map(({ pair }) => pair.slice(pair.indexOf('=') + 1));
}

/** The `Cookie` header for `url` from the text of a cookie file; undefined when no cookie fits. */
export function cookieHeader(text: string, url: URL, nowMs: number): string | undefined {
  const host = url.hostname.toLowerCase();
  const pairs = text
    .split(/\r?\n/)
    .map(readCookieLine)
    .filter((cookie) => cookie !== undefined)
    .filter(({ domain, subdomains }) => host === domain || (subdomains && host.endsWith(`.${domain}`)))
    .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
    .filter(({ secure }) => !secure || url.protocol === 'https:')
    .filter(({ expires }) => expires === 0 || expires * 1000 > nowMs)
    .map(({ pair }) => pair);
  return pairs.length === 0 ? undefined : pairs.join('; ');
}
