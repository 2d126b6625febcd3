import type { IncomingMessage } from 'node:http';
import { askOnce, type OneAnswer } from './ask-once.ts';
import { type HttpAccess, HttpConnection } from './http-connection.ts';
import { goProxyFor } from './proxy.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** The `Location` header. */
  readonly location: string | undefined;
}

export interface HttpTextAnswer extends HttpAnswer {
  readonly body: string;
  /** The `Retry-After` header. */
  readonly retryAfter: string | undefined;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** How much of an answer that is not needed is read, and how long. */
const MOST_UNWANTED_BYTES = 1024 * 1024;
const MOST_UNWANTED_MS = 2000;

async function readOff(answer: IncomingMessage): Promise<void> {
  const timer = setTimeout(() => answer.destroy(), MOST_UNWANTED_MS);
  let size = 0;
  try {
    for await (const chunk of answer) {
      size += (chunk as Buffer).length;
      if (size > MOST_UNWANTED_BYTES) break;
    }
  } catch {
    // Its status is known, and more was not asked.
  }
  clearTimeout(timer);
}

/**
 * Asks HTTP servers that are no git servers, one connection a question, as git-sync asks them: through the proxies that
 * the environment names, trusting the system's certificates or those of `SSL_CERT_FILE`. Redirects are answers.
 */
export class HttpClient {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #withoutDefaults: HttpAccess['withoutDefaults'];

  /**
   * @param env of the user
   * @param withoutDefaults see `TlsAccess`
   */
  constructor(env: Readonly<Record<string, string | undefined>>, withoutDefaults?: HttpAccess['withoutDefaults']) {
    this.#env = env;
    this.#withoutDefaults = withoutDefaults;
  }

  /**
   * Asks, and does not wait for the body of the answer.
   * @throws NoAnswer
   */
  async ask(request: HttpRequest): Promise<HttpAnswer> {
    const { status, headers } = await this.#ask(request, 'head');
    return { status, location: headers.get('location') };
  }

  /** @throws NoAnswer */
  async askForText(request: HttpRequest): Promise<HttpTextAnswer> {
    const { status, headers, body } = await this.#ask(request, 'body');
    const [location, retryAfter] = [headers.get('location'), headers.get('retry-after')];
    return { status, location, retryAfter, headers, body: body.toString() };
  }

  /**
   * Asks, and resolves as soon as the status is there; the rest of the answer is read behind that, because many servers
   * complain about a client that closes the connection in the middle.
   * @throws NoAnswer
   */
  async probe(request: HttpRequest): Promise<HttpAnswer> {
    const connection = new HttpConnection(this.#accessTo(request.url));
    try {
      const answer = await connection.ask({ ...request, headers: { connection: 'close', ...request.headers } });
      const { statusCode: status = 0, headers } = answer;
      void readOff(answer).finally(() => connection.close());
      return { status, location: headers.location };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #ask(request: HttpRequest, until: 'head' | 'body'): Promise<OneAnswer> {
    return await askOnce({ headers: {}, ...request, until }, this.#accessTo(request.url));
  }

  #accessTo(url: URL): HttpAccess {
    return {
      verify: true,
      caFile: this.#env.SSL_CERT_FILE || undefined,
      clientCertificate: undefined,
      proxy: goProxyFor(url, this.#env),
      withoutDefaults: this.#withoutDefaults,
    };
  }
}
