import type { IncomingMessage } from 'node:http';
import { CASE_HINTS } from '../model/case-hints.ts';
import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import type { HttpSettings } from './http-settings.ts';
import { NotNative } from './not-native.ts';

/** The end of the URL of the first request (gitprotocol-http). */
export const INFO_REFS = '/info/refs?service=git-upload-pack';
const MOST_REDIRECTS = 5;

/** The repository that was asked for, and how its server is asked. */
interface Asked {
  readonly url: string;
  readonly settings: HttpSettings;
}

/**
 * git follows redirects of its first request, and keeps the new place when the end of the URL is the same.
 * @param redirects those before this one @throws NotNative, SidecarError
 */
export function followRedirect(
  from: URL,
  { headers: { location } }: IncomingMessage,
  redirects: number,
  { url, settings }: Asked,
): URL {
  const isPlace = location !== undefined && URL.canParse(location, from.href);
  if (settings.followRedirects === 'never' || !isPlace || redirects >= MOST_REDIRECTS)
    throw new NotNative('the server redirects in a way that git has to judge');
  const to = new URL(location, from);
  if (!to.href.endsWith(INFO_REFS))
    throw new NotNative(`the server redirects to ${redactUrl(`${to.origin}${to.pathname}`)}`, true);
  if (to.origin !== from.origin) requireNothingToFollow(from, to, { url, settings });
  if (to.protocol !== from.protocol && to.protocol !== 'https:')
    throw new NotNative(`the server redirects to ${to.protocol}`);
  // A password that the server makes up is none of ours.
  to.username = '';
  to.password = '';
  return to;
}

/**
 * Every server that asks for the certificate gets it. A cookie names a host, not a port, so git would send it to
 * another port of the host. A pinned key is that of one server.
 */
function requireNothingToFollow(from: URL, to: URL, { url, settings }: Asked): void {
  const { clientCertificate, cookieFile, pins = [] } = settings;
  const isNeighbour = to.hostname === from.hostname && cookieFile !== undefined;
  const what = [
    ...(clientCertificate ? ['client certificate is'] : []),
    ...(isNeighbour ? ['cookies are'] : []),
    ...(pins.length > 0 ? ['pinned key is'] : []),
  ];
  if (what.length === 0) return;
  throw new SidecarError(CASE_HINTS.redirect.code, {
    op: 'ask',
    target: redactUrl(url),
    detail: `the server redirects to ${redactUrl(`${to.origin}${to.pathname}`)}, another server than that which the ${what[0]} for`,
    hint: CASE_HINTS.redirect.hint,
  });
}
