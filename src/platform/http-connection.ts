import http from 'node:http';
import https from 'node:https';
import type { SecureContext } from 'node:tls';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { loadSecureContext, type TlsAccess } from './secure-context.ts';

export interface HttpQuestion {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
}

/** No answer that is read whole is this large. */
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** How a server is reached. */
export interface HttpAccess extends TlsAccess {
  /** URL of a proxy. */
  readonly proxy: string | undefined;
}

interface Tls {
  /** As certificates they would name the socket pool. */
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

async function createAgent(secure: boolean, access: HttpAccess, tls: Tls | undefined): Promise<http.Agent> {
  const options = { keepAlive: true, maxSockets: 1, scheduling: 'lifo' as const, ...tls };
  if (access.proxy === undefined) return secure ? new https.Agent(options) : new http.Agent(options);
  if (secure) {
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(access.proxy, options);
  }
  const { HttpProxyAgent } = await import('http-proxy-agent');
  return new HttpProxyAgent(access.proxy, options);
}

/**
 * The whole body of an answer.
 * @throws SidecarError ERR_REMOTE_UNREACHABLE when it is not complete
 */
export async function readBody(response: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(response)) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw incomplete(new Error(`the answer is longer than ${LARGEST_ANSWER} bytes`));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The body of an answer, piece by piece.
 * @throws SidecarError ERR_REMOTE_UNREACHABLE when it is cut off
 */
export async function* bodyOf(response: http.IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    throw incomplete(error);
  }
  if (!response.complete) throw incomplete(new Error('the connection was cut before the answer was complete'));
}

function incomplete(cause: unknown): SidecarError {
  const aborted = cause instanceof Error && cause.name === 'AbortError';
  return new SidecarError('ERR_REMOTE_UNREACHABLE', {
    op: 'read an answer',
    cause,
    detail: aborted ? 'no complete answer in time' : describe(cause),
  });
}

/** How one server is reached. */
interface Route {
  readonly origin: string;
  readonly agent: http.Agent;
  readonly tls: Tls | undefined;
}

/** One kept-alive connection to one server, opened when first used and again when the server closed it. */
export class HttpConnection {
  readonly #access: HttpAccess;
  #route: Route | undefined;
  /** Requests sent so far, retries included. */
  sent = 0;

  constructor(access: HttpAccess) {
    this.#access = access;
  }

  close(): void {
    this.#route?.agent.destroy();
    this.#route = undefined;
  }

  /**
   * Sends a question. The body of the answer has to be read, or the connection stays busy.
   * @throws SidecarError ERR_REMOTE_UNREACHABLE when there is no answer
   */
  async ask(question: HttpQuestion): Promise<http.IncomingMessage> {
    try {
      return await this.#once(question);
    } catch (error) {
      if (error instanceof StaleConnection && !question.signal.aborted) return await this.#orUnreachable(question);
      throw this.#unreachable(question, error);
    }
  }

  async #orUnreachable(question: HttpQuestion): Promise<http.IncomingMessage> {
    try {
      return await this.#once(question);
    } catch (error) {
      throw this.#unreachable(question, error);
    }
  }

  #unreachable(question: HttpQuestion, error: unknown): SidecarError {
    const cause = error instanceof StaleConnection ? error.cause : error;
    const timedOut = question.signal.aborted;
    return new SidecarError('ERR_REMOTE_UNREACHABLE', {
      op: 'ask',
      target: question.url.origin,
      cause,
      detail: timedOut ? 'no complete answer in time' : describe(cause),
    });
  }

  async #routeTo(url: URL): Promise<Route> {
    if (this.#route?.origin !== url.origin) {
      this.close();
      const secure = url.protocol === 'https:';
      const { verify } = this.#access;
      const tls = secure
        ? { secureContext: await loadSecureContext(this.#access), rejectUnauthorized: verify }
        : undefined;
      this.#route = { origin: url.origin, agent: await createAgent(secure, this.#access, tls), tls };
    }
    return this.#route;
  }

  async #once(question: HttpQuestion): Promise<http.IncomingMessage> {
    const { url, method, headers, body, signal } = question;
    const { agent, tls } = await this.#routeTo(url);
    const send = url.protocol === 'https:' ? https.request : http.request;
    this.sent += 1;
    // Through a proxy the agent's own TLS settings are for the proxy; those of the request are for the server behind it.
    const request = send(url, {
      method,
      agent,
      signal,
      headers: { ...headers, ...(body && { 'content-length': String(body.length) }) },
      ...tls,
    });
    const response = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', (error) =>
        reject(request.reusedSocket && isReset(error) ? new StaleConnection(error) : error),
      );
    });
    request.end(body);
    return await response;
  }
}

/** A kept-alive connection that the server had closed already when we wrote to it: not worth an error, ask again. */
class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('stale connection', { cause });
  }
}

function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '');
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  return messageOf(error) || systemCode(error) || 'the connection failed';
}
