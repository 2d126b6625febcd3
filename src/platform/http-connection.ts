import { setMaxListeners } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { SecureContext, TLSSocket } from 'node:tls';
import { SidecarError, systemCode } from '../model/error.ts';
import { bounded } from './bounded.ts';
import { monotonic } from './clock.ts';
import { NoAnswer } from './no-answer.ts';
import { requirePin } from './pinned-key.ts';
import { loadSecureContext, type TlsAccess } from './secure-context.ts';

export interface HttpQuestion {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Bounds everything, the body of the answer too. */
  readonly signal: AbortSignal;
  /**
   * Milliseconds that a connection which was used before may take until an answer begins; default 10 000. After that it
   * is taken for one that something in between forgot, and the question is asked again on a new one: it must be safe to
   * repeat. A new connection has all the time that the signal gives, since a server may have to compute its answer.
   */
  readonly patienceMs?: number;
}

/** How a server is reached. */
export interface HttpAccess extends TlsAccess {
  /** URL of a proxy. */
  readonly proxy: string | undefined;
  /** Keys that an HTTPS server may have, as `pinOf` writes them; none: whatever its certificate vouches for. */
  readonly pins?: readonly string[] | undefined;
}

interface Tls {
  /** As certificates they would name the socket pool. */
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/** First probe of the kernel on an idle connection: often enough for most firewalls to remember it. */
const KEEP_ALIVE_MS = 15_000;

/** Nothing waits in an agent's queue: there a request that is aborted never settles (Node 20). One idle socket is kept. */
const ONE_IDLE = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxFreeSockets: 1, scheduling: 'lifo' as const };

/** @param life ends every socket of the agent, also one in the middle of a handshake with a proxy or server */
async function createAgent(
  secure: boolean,
  access: HttpAccess,
  tls: Tls | undefined,
  life: AbortSignal,
): Promise<http.Agent> {
  // In a session that is resumed the server shows no certificate, so there would be no key to compare.
  const sessions = access.pins && access.pins.length > 0 ? { maxCachedSessions: 0 } : {};
  const options = { ...ONE_IDLE, ...sessions, ...tls, signal: life };
  if (access.proxy === undefined) return secure ? new https.Agent(options) : new http.Agent(options);
  if (secure) {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(access.proxy, options);
  }
  const { HttpProxyAgent } = await import('http-proxy-agent');
  return new HttpProxyAgent(access.proxy, options);
}

/** How one server is reached. */
interface Route {
  readonly origin: string;
  readonly agent: http.Agent;
  readonly tls: Tls | undefined;
  readonly life: AbortController;
  /** Questions whose answer is not over. */
  busy: number;
}

const PATIENCE_MS = 10_000;
/** A slow server makes us more patient, but not for ever. */
const MOST_PATIENCE_MS = 300_000;
/** Connections that were used before, and turn out to be dead, one after the other. */
const MOST_STALE = 3;

/** A kept-alive connection to one server, opened when first used and again when it is dead. */
export class HttpConnection {
  readonly #access: HttpAccess;
  #route: Route | undefined;
  /** Those that get no new questions, and end with the last one that they have. */
  readonly #retired = new Set<Route>();
  /** What this server has shown to need for a first byte; see {@link HttpQuestion.patienceMs}. */
  #patienceMs = 0;
  /** Requests sent so far, retries included. */
  sent = 0;

  constructor(access: HttpAccess) {
    this.#access = access;
  }

  /** Ends what is open, whatever state it is in. */
  close(): void {
    const routes = [...this.#retired, ...(this.#route ? [this.#route] : [])];
    this.#route = undefined;
    this.#retired.clear();
    for (const route of routes) end(route);
  }

  /**
   * Sends a question. The body of the answer has to be read, or released (see `http-body.ts`).
   * @throws NoAnswer, SidecarError ERR_REMOTE_TLS_PIN
   */
  async ask(question: HttpQuestion): Promise<http.IncomingMessage> {
    for (let stale = 0; ; stale += 1) {
      try {
        return await this.#once(question);
      } catch (error) {
        if (!(error instanceof StaleConnection) || question.signal.aborted || stale === MOST_STALE)
          throw unreachable(question, error);
        // What killed one of them has probably killed the others.
        this.dropIdle();
        if (error.wasSilent) return await this.#askAfterSilence(question);
      }
    }
  }

  /** Remembers how long the server takes on a new connection: it may have been slow, not dead. */
  async #askAfterSilence(question: HttpQuestion): Promise<http.IncomingMessage> {
    const before = monotonic();
    try {
      const answer = await this.#once(question);
      this.#patienceMs = Math.min(MOST_PATIENCE_MS, 2 * (monotonic() - before));
      return answer;
    } catch (error) {
      throw unreachable(question, error);
    }
  }

  /** Ends connections that are not in use. */
  dropIdle(): void {
    for (const sockets of Object.values(this.#route?.agent.freeSockets ?? {}))
      for (const socket of sockets ?? []) socket.destroy();
  }

  async #routeTo(url: URL): Promise<Route> {
    if (this.#route?.origin !== url.origin) {
      this.close();
      const secure = url.protocol === 'https:';
      const { verify } = this.#access;
      const tls = secure
        ? { secureContext: await loadSecureContext(this.#access), rejectUnauthorized: verify }
        : undefined;
      const life = new AbortController();
      // Each socket listens to it, and each of many units may have one.
      setMaxListeners(0, life.signal);
      const agent = await createAgent(secure, this.#access, tls, life.signal);
      // Another request may have opened it meanwhile.
      if (this.#route?.origin === url.origin) return this.#route;
      this.#route = { origin: url.origin, agent, tls, life, busy: 0 };
    }
    return this.#route;
  }

  async #once(question: HttpQuestion): Promise<http.IncomingMessage> {
    const { url, method, headers, body, signal } = question;
    const route = await bounded(this.#routeTo(url), signal);
    const send = url.protocol === 'https:' ? https.request : http.request;
    this.sent += 1;
    // Through a proxy the agent's own TLS settings are for the proxy; those of the request are for the server behind it.
    const request = send(url, {
      method,
      agent: route.agent,
      signal,
      headers: { ...headers, ...(body && { 'content-length': String(body.length) }) },
      ...route.tls,
    });
    this.#watchKey(request, url);
    const answer = firstByteOf(request, Math.max(question.patienceMs ?? PATIENCE_MS, this.#patienceMs));
    request.end(body);
    route.busy += 1;
    try {
      const found = await bounded(answer, signal);
      found.once('close', () => this.#noteIsOver(route));
      return found;
    } catch (error) {
      request.destroy();
      // Until the handshake with a proxy is over, only the agent knows its socket.
      if (!request.socket) this.#retire(route);
      this.#noteIsOver(route);
      throw error;
    }
  }

  #watchKey(request: http.ClientRequest, url: URL): void {
    const { pins = [] } = this.#access;
    if (pins.length === 0 || url.protocol !== 'https:') return;
    request.once('socket', (socket) => {
      if (request.reusedSocket) return;
      const host = `${url.hostname}:${url.port || 443}`;
      requirePin(socket as TLSSocket, host, pins, (error) => request.destroy(error));
    });
  }

  /** Others may have questions under way on it, which have nothing to do with the one that was given up. */
  #retire(route: Route): void {
    if (this.#route === route) this.#route = undefined;
    this.#retired.add(route);
  }

  #noteIsOver(route: Route): void {
    route.busy -= 1;
    if (route.busy > 0 || !this.#retired.delete(route)) return;
    end(route);
  }
}

function end({ agent, life }: Route): void {
  agent.destroy();
  life.abort();
}

/** The answer to a request; given up when it is silent on a connection that was used before. */
function firstByteOf(request: http.ClientRequest, patienceMs: number): Promise<http.IncomingMessage> {
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('socket', () => {
      if (!request.reusedSocket) return;
      const detail = `no answer within ${Math.round(patienceMs)} ms on a connection that was used before`;
      timer = setTimeout(() => request.destroy(new StaleConnection(new Error(detail), true)), patienceMs);
    });
    request.once('response', resolve);
    // Not `once`: errors that come after the answer began reach the caller through its body.
    request.on('error', (error) => reject(request.reusedSocket && isReset(error) ? new StaleConnection(error) : error));
  });
  return answer.finally(() => clearTimeout(timer));
}

/** A kept-alive connection that was dead when we wrote to it: not worth an error, ask again. */
class StaleConnection extends Error {
  readonly wasSilent: boolean;

  constructor(cause: unknown, wasSilent = false) {
    super('stale connection', { cause });
    this.wasSilent = wasSilent;
  }
}

function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '');
}

function unreachable(question: HttpQuestion, error: unknown): SidecarError {
  if (error instanceof SidecarError) return error;
  const cause = error instanceof StaleConnection ? error.cause : error;
  return new NoAnswer({ op: 'ask', target: question.url.origin, cause, isLate: question.signal.aborted });
}
