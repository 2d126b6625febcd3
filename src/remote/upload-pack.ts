import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type Credential, credentialFor } from '../model/credential.ts';
import { isOfKind, SidecarError } from '../model/error.ts';
import { bounded } from '../platform/bounded.ts';
import { bodyOf, dismiss, readBeginning, readBody } from '../platform/http-body.ts';
import { HttpConnection } from '../platform/http-connection.ts';
import { cookieHeader } from './cookies.ts';
import { followRedirect, INFO_REFS } from './follow-redirect.ts';
import { httpFailure, isWebPage, webPageInstead } from './http-failure.ts';
import type { HttpSettings } from './http-settings.ts';
import { NotNative } from './not-native.ts';
import { readCapabilities, type ServerCapabilities } from './wire/capabilities.ts';

export interface UploadPackOptions {
  /** The repository, without userinfo. */
  readonly url: string;
  readonly settings: HttpSettings;
  readonly agent: string;
  readonly now: () => number;
  /** Sees the head of each answer. @param authorized the question carried a user name and password */
  readonly onAnswer?: (answer: IncomingMessage, url: URL, authorized: boolean) => void;
}

/** A repository on a server, and what the server can do. */
export interface UploadPackServer {
  /** The repository URL after redirects, without a trailing slash. */
  readonly base: string;
  readonly capabilities: ServerCapabilities;
}

interface Sending {
  readonly credentials: readonly Credential[];
  readonly signal: AbortSignal;
  readonly body?: Buffer;
  /** See `HttpQuestion`. */
  readonly patienceMs?: number;
}

/**
 * An answer about refs comes at once, or the connection is dead: then a new one is opened. See
 * `HttpQuestion.patienceMs`.
 */
const SHORT_PATIENCE_MS = 5000;

/**
 * A repository on a smart HTTP server of protocol v2 (gitprotocol-http, gitprotocol-v2), over one kept-alive connection.
 * What the server can do is asked once; from then on a command is one POST.
 */
export class UploadPack {
  readonly #options: UploadPackOptions;
  readonly #connection: HttpConnection;
  #server: UploadPackServer | undefined;
  /** Where the last redirects led to. */
  #found: string | undefined;
  /** The server refused us without credentials: send them at once from now on. */
  #needsAuth = false;

  constructor(options: UploadPackOptions) {
    this.#options = options;
    this.#connection = new HttpConnection(options.settings);
  }

  get requestsSent(): number {
    return this.#connection.sent;
  }

  get agent(): string {
    return this.#options.agent;
  }

  get url(): string {
    return this.#options.url;
  }

  /**
   * What git is to ask. Where something was given for this server alone, git follows no redirect (see `refuseRedirects`)
   * and gets the place that redirects led us to.
   */
  get gitUrl(): string {
    const { url, settings } = this.#options;
    const { extraHeaders, clientCertificate, cookieFile, pins = [] } = settings;
    const isConfined = extraHeaders.length > 0 || clientCertificate || cookieFile !== undefined || pins.length > 0;
    return isConfined ? (this.#found ?? url) : url;
  }

  /** What is known of the server by now. */
  get server(): UploadPackServer | undefined {
    return this.#server;
  }

  close(): void {
    this.#connection.close();
  }

  /** Ends connections that are not in use: the next question opens a new one. */
  dropIdle(): void {
    this.#connection.dropIdle();
  }

  /** Forgets what the server said that it can do. */
  forget(): void {
    this.#server = undefined;
  }

  /**
   * @throws NotNative when git has to ask instead
   * @throws SidecarError ERR_REMOTE_*
   */
  async discover(credentials: readonly Credential[], signal: AbortSignal): Promise<UploadPackServer> {
    this.#server ??= await this.#discover(credentials, signal);
    return this.#server;
  }

  /**
   * Sends one command whose answer may be large: a pack.
   * @returns the answer; its body is still coming, and the caller has to read or release it
   * @throws NotNative, SidecarError ERR_REMOTE_*
   */
  async command(body: Buffer, credentials: readonly Credential[], signal: AbortSignal): Promise<IncomingMessage> {
    return await this.#command({ body, credentials, signal });
  }

  /**
   * Sends one command whose answer is short.
   * @returns the whole answer
   * @throws NotNative, SidecarError ERR_REMOTE_*
   */
  async question(body: Buffer, credentials: readonly Credential[], signal: AbortSignal): Promise<Buffer> {
    const sending = { body, credentials, signal, patienceMs: SHORT_PATIENCE_MS };
    const { stallMs } = this.#options.settings;
    const answer = await this.#command(sending);
    try {
      return await readBody(answer, stallMs);
    } catch (error) {
      // The connection died in the middle. It is gone now; the question is asked once more, on another one.
      if (signal.aborted || !isOfKind(error, 'no-answer')) throw error;
      return await readBody(await this.#command(sending), stallMs);
    }
  }

  /** The body of an answer to {@link command}; see `bodyOf`. */
  body(answer: IncomingMessage): AsyncIterableIterator<Buffer> {
    return bodyOf(answer, this.#options.settings.stallMs);
  }

  async #command(sending: Sending & { readonly body: Buffer }): Promise<IncomingMessage> {
    const { base } = await this.discover(sending.credentials, sending.signal);
    const url = new URL(`${base}/git-upload-pack`);
    const answer = await this.#ask('POST', url, sending);
    await this.#requireOk(url, answer, sending.credentials);
    const type = answer.headers['content-type'];
    if (type?.startsWith('application/x-git-upload-pack-result')) return answer;
    void dismiss(answer);
    if (isWebPage(answer)) throw webPageInstead(this.#options.url, 'the server answers with a web page');
    const detail = `the answer is of type ${type ?? 'nothing'}`;
    throw new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'ask', target: this.#options.url, detail });
  }

  async #requireOk(url: URL, answer: IncomingMessage, credentials: readonly Credential[]): Promise<void> {
    if (answer.statusCode === 200) return;
    // A web server says in its page what is wrong with TLS.
    const page = answer.statusCode === 400 ? await readBeginning(answer) : '';
    void dismiss(answer);
    const sentCredential = this.#needsAuth && credentialFor(url.href, credentials) !== undefined;
    throw httpFailure(url, answer, { now: this.#options.now(), sentCredential, page });
  }

  async #discover(credentials: readonly Credential[], signal: AbortSignal): Promise<UploadPackServer> {
    let url = new URL(`${this.#options.url.replace(/\/+$/, '')}${INFO_REFS}`);
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#ask('GET', url, { credentials, signal });
      const status = answer.statusCode ?? 0;
      if (status >= 300 && status < 400) {
        await dismiss(answer);
        url = followRedirect(url, answer, redirects, this.#options);
        continue;
      }
      await this.#requireOk(url, answer, credentials);
      const base = url.href.slice(0, -INFO_REFS.length);
      if (redirects > 0) this.#found = base;
      if (!answer.headers['content-type']?.startsWith('application/x-git-upload-pack-advertisement')) {
        void dismiss(answer);
        throw isWebPage(answer)
          ? new NotNative('the server answers with a web page', true)
          : new NotNative('the server does not speak smart HTTP');
      }
      const capabilities = readCapabilities(await readBody(answer, this.#options.settings.stallMs));
      if (capabilities.version !== 2) throw new NotNative(`the server speaks protocol v${capabilities.version}`);
      if (!capabilities.lsRefs) throw new NotNative('the server has no ls-refs command');
      return { base, capabilities };
    }
  }

  async #ask(
    method: 'GET' | 'POST',
    url: URL,
    { credentials, signal, body, patienceMs }: Sending,
  ): Promise<IncomingMessage> {
    const credential = credentialFor(url.href, credentials);
    const send = async (authorize: boolean): Promise<IncomingMessage> => {
      const answer = await this.#connection.ask({
        method,
        url,
        signal,
        headers: await bounded(this.#headers(method, url, authorize ? credential : undefined), signal),
        ...(body && { body }),
        ...(patienceMs !== undefined && { patienceMs }),
      });
      this.#options.onAnswer?.(answer, url, authorize && credential !== undefined);
      return answer;
    };
    // Others may ask at the same time, so what is known when the answer comes says nothing about this question.
    const isAuthorized = this.#needsAuth;
    const answer = await send(isAuthorized);
    if (answer.statusCode !== 401) return answer;
    if (!credential) {
      void dismiss(answer);
      throw new NotNative('the server asks for credentials that none of the options give');
    }
    if (isAuthorized) return answer;
    await dismiss(answer);
    this.#needsAuth = true;
    return await send(true);
  }

  async #headers(method: string, url: URL, credential: Credential | undefined): Promise<Record<string, string>> {
    const { settings } = this.#options;
    const headers: Record<string, string> = {
      'user-agent': settings.userAgent ?? this.#options.agent,
      'git-protocol': 'version=2',
      accept: method === 'POST' ? 'application/x-git-upload-pack-result' : '*/*',
      pragma: 'no-cache',
    };
    if (method === 'POST') headers['content-type'] = 'application/x-git-upload-pack-request';
    const repository = new URL(this.#options.url);
    for (const line of url.origin === repository.origin ? settings.extraHeaders : []) {
      const colon = line.indexOf(':');
      if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
    }
    if (credential) {
      const { username, password, scheme } = credential;
      headers.authorization =
        scheme === undefined
          ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
          : `${scheme} ${password}`;
    }
    const cookies =
      settings.cookieFile === undefined ? undefined : await readFile(settings.cookieFile, 'utf8').catch(() => '');
    const cookie = cookies ? cookieHeader(cookies, url, this.#options.now()) : undefined;
    if (cookie !== undefined) headers.cookie = cookie;
    return headers;
  }
}
