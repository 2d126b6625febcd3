import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { HttpConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { answerText, type Route } from '../platform/http-answer.ts';
import type { Logger } from '../platform/log.ts';
import { readTlsFiles, stampOfTlsFiles, type TlsFiles } from './tls-files.ts';

export interface HttpServerOptions {
  readonly config: HttpConfig;
  readonly log: Logger;
  /** Asked in their order; the last one should take everything. */
  readonly routes: readonly Route[];
  /** HTTPS with these; undefined: plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  /** Connections at a time; more are closed at once. */
  readonly mostConnections?: number;
}

export interface HttpServer {
  readonly port: number;
  /** Takes over certificates that were renewed. */
  refreshTls(): Promise<void>;
  close(): Promise<void>;
}

/** What is asked for: a path, also one that begins with two slashes, or a whole URL (RFC 9112, 3.2); undefined for neither. */
function targetOf({ url = '/' }: IncomingMessage): URL | undefined {
  const text = url.startsWith('/') ? `http://localhost${url}` : url;
  return URL.canParse(text, 'http://localhost') ? new URL(text, 'http://localhost') : undefined;
}

async function answer(routes: readonly Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = targetOf(request);
  if (!url) {
    answerText(response, 400, 'this is no path');
    return;
  }
  for (const route of routes) if (await route(url, request, response)) return;
  answerText(response, 404, 'there is nothing here');
}

function listen(server: Server | TlsServer, { host, port }: HttpConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

/** A client certificate that nobody vouches for is shown to the routes as none; they decide. */
async function createSecureServer(
  files: TlsFiles,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly server: TlsServer; readonly refresh: () => Promise<void> }> {
  const asks = { requestCert: files.clientCaFile !== undefined, rejectUnauthorized: false };
  const { createServer: createTlsServer } = await import('node:https');
  try {
    let stamp = await stampOfTlsFiles(files);
    const server = createTlsServer({ ...(await readTlsFiles(files)), ...asks }, onRequest);
    const refresh = async (): Promise<void> => {
      const now = await stampOfTlsFiles(files);
      if (now === stamp) return;
      server.setSecureContext(await readTlsFiles(files));
      stamp = now;
    };
    return { server, refresh };
  } catch (cause) {
    throw new SidecarError('ERR_SERVE_BIND', { op: 'read the certificate', detail: messageOf(cause), cause });
  }
}

/**
 * Serves what the routes answer.
 * @throws SidecarError ERR_SERVE_BIND
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, log, routes } = options;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(routes, request, response)
      .catch((error: unknown) => {
        // Somebody who goes away in the middle is no failure of ours.
        if (!request.destroyed) log.error(error, 'answering an HTTP request failed');
        if (response.headersSent) response.destroy();
        else answerText(response, 500, 'internal error');
      })
      .finally(() => request.resume());
  };
  const secure = options.tls && (await createSecureServer(options.tls, onRequest));
  const server: Server | TlsServer = secure?.server ?? createServer(onRequest);
  server.keepAliveTimeout = 5000;
  if (options.mostConnections !== undefined) server.maxConnections = options.mostConnections;
  try {
    await listen(server, config);
  } catch (error) {
    const target = `${config.host ?? ''}:${config.port}`;
    throw new SidecarError('ERR_SERVE_BIND', { op: 'listen on', target, detail: messageOf(error), cause: error });
  }
  const { port } = server.address() as AddressInfo;
  log.info(0, `serving HTTP${secure ? 'S' : ''}`, { port, metrics: config.metrics, pprof: config.profiles });
  return {
    port,
    refreshTls: async () => await secure?.refresh(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
