import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { HttpConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { answerNothing, answerText } from '../platform/http-answer.ts';
import type { Answer } from '../platform/http-route.ts';
import type { Logger } from '../platform/log.ts';
import { Connections } from './connections.ts';
import { readTlsFiles, stampOfTlsFiles, type TlsFiles } from './tls-files.ts';

/** @param pathname of the URL that `request` asks for */
export type FindAnswer = (pathname: string, request: IncomingMessage) => Answer | undefined;

export interface HttpServerOptions {
  readonly config: HttpConfig;
  readonly log: Logger;
  /** What answers at a path; undefined where there is nothing. */
  readonly find: FindAnswer;
  /** HTTPS with these; undefined: plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  /** Connections at a time; see `Connections` for what becomes of more. */
  readonly mostConnections?: number;
  /** Of one address; 0 or undefined: no limit of its own. */
  readonly mostOfOneAddress?: number;
  readonly limits?: Partial<TimeLimits>;
}

/** How long a client may take, in milliseconds. */
export interface TimeLimits {
  /** From the connection, or the first byte of a further request, to the end of the request's head. */
  readonly head: number;
  /** The same to the end of its body. */
  readonly whole: number;
  /** Between two requests. */
  readonly idle: number;
  /** To take something of an answer that is complete here. */
  readonly reading: number;
  readonly handshake: number;
  /** How often the first two are looked at: so much later a connection may be closed. */
  readonly check: number;
}

const LIMITS: TimeLimits = {
  head: 10_000,
  whole: 60_000,
  idle: 5000,
  reading: 30_000,
  handshake: 10_000,
  check: 2000,
};
/** Enough for probes, metrics and hooks. */
const MOST_CONNECTIONS = 1000;
/** Connections that the kernel keeps while we are busy; it has a limit of its own (`net.core.somaxconn`). */
const BACKLOG = 4096;

export interface HttpServer {
  readonly port: number;
  /** Takes over certificates that were renewed. @returns whether other authorities vouch for clients now */
  refreshTls(): Promise<boolean>;
  close(): Promise<void>;
}

/** What is asked for: a path, also one that begins with two slashes, or a whole URL (RFC 9112, 3.2); undefined for neither. */
function targetOf({ url = '/' }: IncomingMessage): URL | undefined {
  try {
    return new URL(url.startsWith('/') ? `http://localhost${url}` : url, 'http://localhost');
  } catch {
    return undefined;
  }
}

async function answer(find: FindAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = targetOf(request);
  const found = url && find(url.pathname, request);
  if (found) await found(url, request, response);
  else if (url) answerNothing(response);
  else answerText(response, 400, 'this is no path');
}

function listen(server: Server | TlsServer, { host, port }: HttpConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, () => resolve());
  });
}

function serverOptions({ head, whole, idle, check }: TimeLimits): ServerOptions {
  return {
    headersTimeout: head,
    requestTimeout: whole,
    keepAliveTimeout: idle,
    connectionsCheckingInterval: check,
  };
}

/**
 * A client that takes nothing of a whole answer loses its connection. An answer that is still being made has limits of
 * its own.
 */
function endUnread(response: ServerResponse, ms: number): void {
  // The server destroys a socket that is silent for so long, and sets another time when the answer is finished.
  if (response.writableEnded && !response.writableFinished) response.socket?.setTimeout(ms);
}

/** A client certificate that no known authority signed is shown to the routes as none; they decide. */
async function createSecureServer(
  files: TlsFiles,
  limits: TimeLimits,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly server: TlsServer; readonly refresh: () => Promise<boolean> }> {
  const asks = {
    ...serverOptions(limits),
    handshakeTimeout: limits.handshake,
    requestCert: files.clientCaFile !== undefined,
    rejectUnauthorized: false,
  };
  const { createServer: createTlsServer } = await import('node:https');
  try {
    let stamp = await stampOfTlsFiles(files);
    let context = await readTlsFiles(files);
    const server = createTlsServer({ ...context, ...asks }, onRequest);
    const refresh = async (): Promise<boolean> => {
      const now = await stampOfTlsFiles(files);
      if (now === stamp) return false;
      const before = String(context.ca);
      context = await readTlsFiles(files);
      server.setSecureContext(context);
      stamp = now;
      return String(context.ca) !== before;
    };
    return { server, refresh };
  } catch (cause) {
    throw new SidecarError('ERR_SERVE_BIND', { op: 'read the certificate', detail: messageOf(cause), cause });
  }
}

/**
 * Serves what answers are found for.
 * @throws SidecarError ERR_SERVE_BIND
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, log, find, mostConnections = MOST_CONNECTIONS, mostOfOneAddress = 0 } = options;
  const limits = { ...LIMITS, ...options.limits };
  const connections = new Connections({ most: mostConnections, mostOfOne: mostOfOneAddress });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    response.once('close', connections.begin(request.socket));
    answer(find, request, response)
      .catch((error: unknown) => {
        // A client that closes the connection in the middle is no failure of ours.
        if (!request.destroyed) log.error(error, 'answering an HTTP request failed');
        if (response.headersSent) response.destroy();
        else answerText(response, 500, 'internal error');
      })
      .finally(() => {
        request.resume();
        endUnread(response, limits.reading);
      });
  };
  const secure = options.tls && (await createSecureServer(options.tls, limits, onRequest));
  const server: Server | TlsServer = secure?.server ?? createServer(serverOptions(limits), onRequest);
  server.on('connection', (socket: Socket) => connections.admit(socket));
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
    refreshTls: async () => (await secure?.refresh()) ?? false,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
