import type { IncomingMessage } from 'node:http';

/** The page sends it; another site cannot without asking first (CORS), and nobody answers that here. */
const PAGE_HEADER = 'git-sidecar-page';

export function comesFromPage({ headers }: IncomingMessage): boolean {
  return headers[PAGE_HEADER] === '1';
}

function header({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * Whether a browser says that another site made it send this request; programs that are no browsers say nothing. What
 * a browser adds by itself (a cookie, a certificate, a password of `Basic`) is no wish of the person before it.
 */
export function isCrossSite(request: IncomingMessage): boolean {
  const site = header(request, 'sec-fetch-site');
  const origin = header(request, 'origin');
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && hostOf(origin) !== header(request, 'host')?.toLowerCase();
}

/** Whether a browser vouches that the page itself sent this request, in each way that there is. */
export function isFromOwnPage(request: IncomingMessage): boolean {
  const site = header(request, 'sec-fetch-site');
  const origin = header(request, 'origin');
  const isSame = site === undefined ? origin !== undefined && !isCrossSite(request) : site === 'same-origin';
  return isSame && comesFromPage(request);
}

/** Lower case, with the port; empty for the origin `null`, which frames without an origin have. */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : '';
}
