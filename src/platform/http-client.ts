import type { IncomingMessage } from 'node:http';
import { readBody } from './http-body.ts';
import { type HttpAccess, HttpConnection } from './http-connection.ts';
import { goProxyFor } from './proxy.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** The `Location` header. */
  readonly location: string | undefined;
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
   * @throws SidecarError ERR_REMOTE_UNREACHABLE when there is no answer
   */
  async ask(request: HttpRequest): Promise<HttpAnswer> {
    return await this.#ask(request, async () => ({}));
  }

  /** @throws SidecarError ERR_REMOTE_UNREACHABLE when there is no whole answer */
  async askForText(request: HttpRequest): Promise<HttpAnswer & { readonly body: string }> {
    return await this.#ask(request, async (answer) => ({ body: (await readBody(answer)).toString() }));
  }

  async #ask<T>(request: HttpRequest, read: (answer: IncomingMessage) => Promise<T>): Promise<HttpAnswer & T> {
    const connection = new HttpConnection(this.#accessTo(request.url));
    try {
      const answer = await connection.ask({ headers: {}, ...request });
      const { statusCode: status = 0, headers } = answer;
      return { status, location: headers.location, ...(await read(answer)) };
    } finally {
      connection.close();
    }
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
