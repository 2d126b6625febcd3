import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

const NAME = 'git-sidecar-session';
/** Browsers take a cookie with this prefix from a secure page only, and for the whole host only. */
const SECURE_NAME = `__Host-${NAME}`;

/** Whether the browser uses TLS, as far as that can be known: a proxy says it, or the origin of the page does. */
function isSecure({ socket, headers }: IncomingMessage): boolean {
  if (socket instanceof TLSSocket || headers.origin?.startsWith('https://') === true) return true;
  const { 'x-forwarded-proto': proto, forwarded } = headers;
  const first = (Array.isArray(proto) ? proto[0] : proto)?.split(',')[0]?.trim();
  return first?.toLowerCase() === 'https' || /^[^,]*\bproto="?https\b/i.test(forwarded ?? '');
}

/** The names of sessions that the request shows, the one that only a secure page can have set first. */
export function sessionsIn({ headers: { cookie } }: IncomingMessage): string[] {
  if (cookie === undefined) return [];
  const found = new Map<string, string>();
  for (const pair of cookie.split(';')) {
    const [name = '', value = ''] = pair.trim().split(/=(.*)/s);
    if ((name === NAME || name === SECURE_NAME) && /^[\w-]{20,100}$/.test(value)) found.set(name, value);
  }
  return [SECURE_NAME, NAME].flatMap((name) => found.get(name) ?? []);
}

/** The header that gives the browser its session; it ends there when the browser does. */
export function setCookie(request: IncomingMessage, session: string): string {
  return written(isSecure(request), session, '');
}

/** Headers that take it away, whichever of the two it has. */
export function clearCookies(): string[] {
  return [true, false].map((secure) => written(secure, '', '; Max-Age=0'));
}

function written(secure: boolean, value: string, more: string): string {
  const name = secure ? SECURE_NAME : NAME;
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}${more}`;
}
