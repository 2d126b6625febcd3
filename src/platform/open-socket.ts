import http from 'node:http';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';

/** Where to, and how. */
export interface Way {
  readonly url: URL;
  /** URL of a proxy. */
  readonly proxy: URL | undefined;
  /** For all TLS on the way. */
  readonly secureContext: SecureContext | undefined;
  /** false: a certificate that is not trusted is no reason to end; the socket says what is wrong with it. Default true. */
  readonly verify?: boolean;
  readonly signal: AbortSignal;
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}

/** What we send to a proxy to log in; undefined when its URL names no user. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === '') return undefined;
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(both).toString('base64')}`;
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => void socket.destroy(new Error('no connection in time'));
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    socket.once('error', reject);
    socket.once(event, () => resolve(socket));
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      reject(new Error('the connection was closed'));
    });
  });
}

/** Asks a proxy for a way through it (RFC 9110, 9.3.6). */
export function openTunnel(
  url: URL,
  proxy: URL,
  { secureContext, signal }: Pick<Way, 'secureContext' | 'signal'>,
): Promise<Socket> {
  const authorization = proxyAuthorization(proxy);
  const target = `${url.hostname}:${portOf(url)}`;
  const request = (proxy.protocol === 'https:' ? https : http).request({
    host: hostOf(proxy),
    port: portOf(proxy),
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...(authorization !== undefined && { 'proxy-authorization': authorization }) },
    agent: false,
    insecureHTTPParser: true,
    signal,
    ...(secureContext && { secureContext }),
  });
  return new Promise((resolve, reject) => {
    request.once('connect', ({ statusCode }, socket: Socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy answers with status ${statusCode}`));
    });
    request.once('response', ({ statusCode }) => {
      request.destroy();
      reject(new Error(`the proxy answers with status ${statusCode}`));
    });
    request.once('error', reject);
    request.end();
  });
}

/** A connection to a server, or to the proxy that takes questions for it. It ends when the signal fires. */
export async function openSocket(way: Way): Promise<Socket> {
  const { url, proxy, secureContext, signal, verify = true } = way;
  const tls = (to: URL, socket?: Socket): Promise<Socket> => {
    const host = hostOf(to);
    const isName = !/^[\d.]+$|:/.test(host);
    const where = socket ? { socket } : { host, port: portOf(to) };
    const options = { ...where, ...(isName && { servername: host }), ...(secureContext && { secureContext }) };
    return opened(connectTls({ ...options, host, rejectUnauthorized: verify }), 'secureConnect', signal);
  };
  const plain = (to: URL): Promise<Socket> =>
    opened(connect({ host: hostOf(to), port: portOf(to) }), 'connect', signal);
  if (url.protocol === 'https:') return await tls(url, proxy && (await openTunnel(url, proxy, way)));
  const first = proxy ?? url;
  return await (first.protocol === 'https:' ? tls(first) : plain(first));
}
