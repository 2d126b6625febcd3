import type { Git } from '../git/git.ts';
import type { Credential } from '../model/credential.ts';
import { isOfKind, type SidecarError } from '../model/error.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { Logger } from '../platform/log.ts';
import { webPageInstead } from '../remote/http-failure.ts';
import { NotNative, type UploadPack } from '../remote/upload-pack.ts';
import type { RemoteUrl } from '../remote/url.ts';
import { listRefs } from './http-poll.ts';
import { lsRemote } from './ls-remote.ts';
import type { RefChoice } from './ref-choice.ts';
import { pickTip, type RefSource, type Tip } from './ref-source.ts';

export interface PollerOptions {
  readonly remote: RemoteUrl;
  readonly git: Git;
  readonly log: Logger;
  /** undefined where the transport or a setting rules the native way out; `reason` says why. */
  readonly native: UploadPack | undefined;
  readonly reason?: string;
}

/** Asks the cheap question in the cheapest way that works with this server, and remembers which that is. */
export class Poller implements RefSource {
  readonly #options: PollerOptions;
  #native: UploadPack | undefined;
  #hasAsked = false;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#native = options.native;
  }

  get requestsSent(): number {
    return this.#options.native?.requestsSent ?? 0;
  }

  /** The connection that the last poll used, if it was a native one. */
  get native(): UploadPack | undefined {
    return this.#native;
  }

  get fetchUrl(): string {
    return this.#options.native?.gitUrl ?? this.#options.remote.fetchUrl;
  }

  explain(error: SidecarError): SidecarError {
    return error;
  }

  close(): void {
    this.#options.native?.close();
  }

  async poll(choice: RefChoice, credentials: readonly Credential[], signal: AbortSignal): Promise<Tip> {
    const refs = await this.list(choice.questions, credentials, signal);
    return pickTip(refs, choice, this.#options.remote.shownUrl);
  }

  /**
   * Refs with these names; a name may end in `*`.
   * @returns those and perhaps more
   * @throws SidecarError ERR_REMOTE_*
   */
  async list(
    names: readonly string[],
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<AdvertisedRef[]> {
    const { git, remote, log } = this.#options;
    this.#sayHow();
    const ask = () => lsRemote(git, this.fetchUrl, remote.shownUrl, names, signal);
    if (!this.#native) return await ask();
    try {
      const prefixes = names.map((name) => name.replace(/\*.*/, ''));
      return await listRefs(this.#native, prefixes, credentials, signal);
    } catch (error) {
      if (!(error instanceof NotNative)) throw error;
      const refs = await (error.isWebPage ? this.#askBehindPage(ask, error) : ask());
      // Only an answer from git proves that the server is fine and ours was the wrong way to ask.
      log.info(0, 'polling with git ls-remote from now on', { reason: error.message });
      this.#native.close();
      this.#native = undefined;
      return refs;
    }
  }

  /** git may find a repository where we saw a web page. It takes a page for a repository without refs, and may fail behind a redirect. */
  async #askBehindPage(ask: () => Promise<AdvertisedRef[]>, page: NotNative): Promise<AdvertisedRef[]> {
    const { fetchUrl } = this.#options.remote;
    const refs = await ask().catch((error: unknown) => {
      throw isOfKind(error, 'refused', 'too-slow') ? error : webPageInstead(fetchUrl, page.message, error);
    });
    if (refs.length === 0) throw webPageInstead(fetchUrl, page.message, page);
    return refs;
  }

  #sayHow(): void {
    if (this.#hasAsked) return;
    this.#hasAsked = true;
    const { native, reason, log } = this.#options;
    const how = native ? 'ls-refs over a kept-alive connection' : 'git ls-remote';
    log.info(1, 'polling', { how, ...(reason !== undefined && { reason }) });
  }
}
