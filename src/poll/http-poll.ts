import { readFile } from 'node:fs/promises';
import { type Credential, credentialFor } from '../model/credential.ts';
import { SidecarError } from '../model/error.ts';
import type { ObjectFormat } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { cookieHeader } from '../remote/cookies.ts';
import { type HttpAnswer, HttpConnection } from '../remote/http-connection.ts';
import type { HttpSettings } from '../remote/http-settings.ts';
import { readCapabilities, type ServerCapabilities } from '../remote/wire/capabilities.ts';
import { readLsRefs, writeLsRefs } from '../remote/wire/ls-refs.ts';
import { httpFailure } from './http-failure.ts';

/** The server is not one that the native poll understands; git itself has to ask. The message says why. */
export class NotNative extends Error {
  override readonly name = 'NotNative';
}

export interface HttpPollOptions {
  /** The repository, without userinfo. */
  readonly url: string;
  readonly settings: HttpSettings;
  readonly agent: string;
  readonly now: () => number;
}

interface Server {
  /** The repository URL after redirects, without a trailing slash. */
  readonly base: string;
  readonly capabilities: ServerCapabilities;
}

const INFO_REFS = '/info/refs?service=git-upload-pack';
const MOST_REDIRECTS = 5;

/**
 * Asks a smart HTTP server one question: `ls-refs` of protocol v2 (gitprotocol-v2; gitprotocol-http).
 * What the server can do is asked once; from then on a poll is one POST on a kept-alive connection.
 */
export class HttpPoll {
  readonly #options: HttpPollOptions;
  readonly #connection: HttpConnection;
  #server: Server | undefined;
  /** The server refused us without credentials: send them at once from now on. */
  #needsAuth = false;

  constructor(options: HttpPollOptions) {
    this.#options = options;
    this.#connection = new HttpConnection(options.settings);
  }

  get requestsSent(): number {
    return this.#connection.sent;
  }

  get objectFormat(): ObjectFormat | undefined {
    return this.#server?.capabilities.objectFormat;
  }

  close(): void {
    this.#connection.close();
  }

  /**
   * Refs that start with one of `prefixes`.
   * @throws NotNative when git has to ask instead
   * @throws SidecarError ERR_REMOTE_*
   */
  async listRefs(
    prefixes: readonly string[],
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<AdvertisedRef[]> {
    const known = this.#server !== undefined;
    try {
      return await this.#listRefs(prefixes, credentials, signal);
    } catch (error) {
      const worthAnother =
        known && error instanceof SidecarError && ['ERR_REMOTE_PROTOCOL', 'ERR_REMOTE_NOT_FOUND'].includes(error.code);
      if (!worthAnother) throw error;
      this.#server = undefined;
      return await this.#listRefs(prefixes, credentials, signal);
    }
  }

  async #listRefs(
    prefixes: readonly string[],
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<AdvertisedRef[]> {
    this.#server ??= await this.#discover(credentials, signal);
    const { base, capabilities } = this.#server;
    const body = writeLsRefs({ prefixes, objectFormat: capabilities.objectFormat, agent: this.#options.agent });
    const url = new URL(`${base}/git-upload-pack`);
    const answer = await this.#ask('POST', url, credentials, signal, body);
    if (answer.status !== 200) throw httpFailure(url, answer, this.#options.now());
    if (!answer.headers['content-type']?.startsWith('application/x-git-upload-pack-result')) {
      throw new SidecarError('ERR_REMOTE_PROTOCOL', {
        op: 'list refs',
        target: this.#options.url,
        detail: `the answer is of type ${answer.headers['content-type'] ?? 'nothing'}`,
      });
    }
    return readLsRefs(answer.body);
  }

  async #discover(credentials: readonly Credential[], signal: AbortSignal): Promise<Server> {
    let url = new URL(`${this.#options.url.replace(/\/+$/, '')}${INFO_REFS}`);
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#ask('GET', url, credentials, signal);
      if (answer.status >= 300 && answer.status < 400) {
        url = this.#followRedirect(url, answer, redirects);
        continue;
      }
      if (answer.status !== 200) throw httpFailure(url, answer, this.#options.now());
      if (!answer.headers['content-type']?.startsWith('application/x-git-upload-pack-advertisement')) {
        throw new NotNative('the server does not speak smart HTTP');
      }
      const capabilities = readCapabilities(answer.body);
      if (capabilities.version !== 2) throw new NotNative(`the server speaks protocol v${capabilities.version}`);
      if (!capabilities.lsRefs) throw new NotNative('the server has no ls-refs command');
      return { base: url.href.slice(0, -INFO_REFS.length), capabilities };
    }
  }

  /** git follows redirects of this first request, and keeps the new place when the end of the URL is the same. */
  #followRedirect(from: URL, answer: HttpAnswer, redirects: number): URL {
    const location = answer.headers.location;
    if (this.#options.settings.followRedirects === 'never' || location === undefined || redirects >= MOST_REDIRECTS) {
      throw new NotNative('the server redirects in a way that git has to judge');
    }
    const to = new URL(location, from);
    if (!to.href.endsWith(INFO_REFS)) throw new NotNative('the server redirects to a URL of another form');
    if (to.protocol !== from.protocol && to.protocol !== 'https:')
      throw new NotNative(`the server redirects to ${to.protocol}`);
    return to;
  }

  async #ask(
    method: 'GET' | 'POST',
    url: URL,
    credentials: readonly Credential[],
    signal: AbortSignal,
    body?: Buffer,
  ): Promise<HttpAnswer> {
    const credential = credentialFor(url.href, credentials);
    const send = async (authorize: boolean): Promise<HttpAnswer> =>
      await this.#connection.ask({
        method,
        url,
        signal,
        headers: await this.#headers(method, url, authorize ? credential : undefined),
        ...(body && { body }),
      });
    const answer = await send(this.#needsAuth);
    if (answer.status !== 401) return answer;
    if (!credential) throw new NotNative('the server asks for credentials that none of the options give');
    if (this.#needsAuth) return answer;
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
    for (const line of settings.extraHeaders) {
      const colon = line.indexOf(':');
      if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
    }
    if (credential) {
      headers.authorization = `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
    }
    const cookies =
      settings.cookieFile === undefined ? undefined : await readFile(settings.cookieFile, 'utf8').catch(() => '');
    const cookie = cookies ? cookieHeader(cookies, url, this.#options.now()) : undefined;
    if (cookie !== undefined) headers.cookie = cookie;
    return headers;
  }
}
