import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';
import type { Profiles } from './profiles.ts';

export interface HttpServerOptions {
  readonly config: HttpConfig;
  readonly log: Logger;
  readonly health: Health;
  /** `/` answers 200 even before the first sync, as 3.1.1 did. */
  readonly alwaysInitialized: boolean;
  readonly metrics: Metrics | undefined;
  readonly profiles: Profiles | undefined;
  /** Brings gauges up to date just before they are read. */
  readonly beforeScrape: () => void;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

async function route(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const { health, metrics, profiles } = options;
  if (url.pathname === '/healthz') return answer(response, 200, 'ok');
  if (url.pathname === '/readyz') {
    const verdict = health.readiness();
    return answer(response, verdict.ok ? 200 : 503, verdict.text);
  }
  if (metrics && url.pathname === '/metrics') {
    options.beforeScrape();
    const text = await metrics.render();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
    return;
  }
  if (profiles && url.pathname.startsWith('/debug/pprof/')) {
    return await profiles.serve(url.pathname.slice('/debug/pprof/'.length), url, request, response);
  }
  const initialized = options.alwaysInitialized || health.isInitialized;
  return answer(response, initialized ? 200 : 503, initialized ? 'ok' : 'repo is not ready');
}

function listen(server: Server, { host, port }: HttpConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

/**
 * Serves probes, metrics and profiles; any other path is git-sync's `/`, with any method (compat.md 5).
 * @throws SidecarError ERR_SERVE_BIND
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, log } = options;
  const server = createServer((request, response) => {
    request.resume();
    route(options, request, response).catch((error: unknown) => {
      log.error(error, 'answering an HTTP request failed');
      if (response.headersSent) response.destroy();
      else answer(response, 500, 'internal error');
    });
  });
  server.keepAliveTimeout = 5000;
  try {
    await listen(server, config);
  } catch (error) {
    const target = `${config.host ?? ''}:${config.port}`;
    throw new SidecarError('ERR_SERVE_BIND', { op: 'listen on', target, detail: messageOf(error), cause: error });
  }
  const { port } = server.address() as AddressInfo;
  log.info(0, 'serving HTTP', { port, metrics: config.metrics, pprof: config.profiles });
  return {
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
