import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerNothing, answerText } from '../../platform/http-answer.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import type { Encoding, PageFile, PageFiles } from './page-files.ts';

/** Scripts, styles and requests of this origin only; nothing inline, no frame around it, no form that leaves. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'accept-encoding',
};

/** The names of assets hold digests of what is in them. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** The best that the client takes (RFC 9110, 12.5.3). */
export function chooseEncoding(accepted: string | undefined): Encoding {
  const weights = new Map<string, number>();
  for (const part of (accepted ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((each) => each.trim());
    const weight = parameters.find((each) => each.startsWith('q='));
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  const accepts = (name: Encoding): boolean => (weights.get(name) ?? weights.get('*') ?? 0) > 0;
  return (['br', 'gzip'] as const).find(accepts) ?? 'identity';
}

/**
 * `GET /` and `GET /page/NAME`: the page. It holds no data, so every client may have it; what it shows it asks for with
 * the session of the person who reads it.
 * @param files undefined: this program has none, because it runs from its source
 */
export function pageRoutes(files: PageFiles | undefined): Route[] {
  if (!files) return [];
  const answer: Answer = async ({ pathname }, request, response) => {
    const file = await files.find(pathname);
    if (!file) answerNothing(response);
    else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      answerText(response, 405, 'use GET');
    } else send(file, pathname === '/' ? 'no-cache' : FOR_EVER, request, response);
  };
  return ['/', '/page/**'].map((path) => ({ path, answer }));
}

function send(file: PageFile, cacheControl: string, request: IncomingMessage, response: ServerResponse): void {
  const { type, etag, bodies } = file;
  const encoding = chooseEncoding(String(request.headers['accept-encoding'] ?? ''));
  const headers = { ...HEADERS, 'cache-control': cacheControl, etag };
  const known = request.headers['if-none-match']?.split(',').map((each) => each.trim().replace(/^W\//, ''));
  if (known?.includes(etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const body = bodies[encoding];
  response.writeHead(200, {
    ...headers,
    'content-type': type,
    'content-length': body.length,
    ...(encoding !== 'identity' && { 'content-encoding': encoding }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
