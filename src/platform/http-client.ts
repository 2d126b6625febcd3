import { askOnce, type OneAnswer } from './ask-once.ts';
import type { HttpAccess } from './http-connection.ts';
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
    const { status, headers } = await this.#ask(request, 'head');
    return { status, location: headers.get('location') };
  }

  /** @throws SidecarError ERR_REMOTE_UNREACHABLE when there is no whole answer */
  async askForText(request: HttpRequest): Promise<HttpAnswer & { readonly body: string }> {
    const { status, headers, body } = await this.#ask(request, 'body');
    return { status, location: headers.get('location'), body: body.toString() };
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
