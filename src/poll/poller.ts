import type { Git } from '../git/git.ts';
import type { Credential } from '../model/credential.ts';
import { isOfKind, type SidecarError } from '../model/error.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { Logger } from '../platform/log.ts';
import { webPageInstead } from '../remote/http-failure.ts';
import { NotNative } from '../remote/not-native.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import type { RemoteUrl } from '../remote/url.ts';
import { listRefs } from './http-poll.ts';
import { lsRemote } from './ls-remote.ts';
import { allRefs, type ReadRefs } from './read-refs.ts';
import { collectOne, type RefChoice, type RefCollector } from './ref-choice.ts';
import { type AskWider, type RefSource, type Tip, tipOf } from './ref-source.ts';

export interface PollerOptions {
  readonly remote: RemoteUrl;
  readonly git: Git;
  readonly log: Logger;
  /** undefined where the transport or a setting rules the native way out; `reason` says why. */
  readonly native: UploadPack | undefined;
  readonly reason?: string;
}

type Ask = <T>(read: ReadRefs<T>) => Promise<T>;

/** Asks the cheap question in the cheapest way that works with this server, and remembers which that is. */
export class Poller implements RefSource {
  readonly #options: PollerOptions;
  #native: UploadPack | undefined;
  #hasAsked = false;
  #listed: { readonly digest: string; readonly refs: readonly AdvertisedRef[] } | undefined;

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
    const { shownUrl } = this.#options.remote;
    const read: ReadRefs<RefCollector> = (refs) => collectOne(choice, refs);
    const collector = await this.read(choice.questions, credentials, signal, read);
    return await tipOf(collector, shownUrl, signal, this.widerThan(credentials, signal));
  }

  /**
   * Refs with these names; a name may end in `*`.
   * @returns those and perhaps more; the very same list when the server gave the same answer as before
   * @throws SidecarError ERR_REMOTE_*
   */
  async list(
    names: readonly string[],
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<readonly AdvertisedRef[]> {
    return await this.read(names, credentials, signal, this.#takeAll);
  }

  /** The same as {@link list}, for `read` instead of all together; it may have to read a second answer. */
  async read<T>(
    names: readonly string[],
    credentials: readonly Credential[],
    signal: AbortSignal,
    read: ReadRefs<T>,
  ): Promise<T> {
    const { git, remote, log } = this.#options;
    this.#sayHow();
    const ask: Ask = async (reader) => await lsRemote(git, this.fetchUrl, remote.shownUrl, names, signal, reader);
    if (!this.#native) return await ask(read);
    try {
      const prefixes = names.map((name) => name.replace(/\*.*/, ''));
      return await listRefs(this.#native, prefixes, credentials, signal, read);
    } catch (error) {
      if (!(error instanceof NotNative)) throw error;
      const answer = await (error.isWebPage ? this.#askBehindPage(ask, error, read) : ask(read));
      // Only an answer from git proves that the server is fine and ours was the wrong way to ask.
      log.info(0, 'polling with git ls-remote from now on', { reason: error.message });
      this.#native.close();
      this.#native = undefined;
      return answer;
    }
  }

  /** There may be so many refs that to read them again and again is most of the work. */
  readonly #takeAll: ReadRefs<readonly AdvertisedRef[]> = async (refs, digest) => {
    if (this.#listed?.digest !== digest) this.#listed = { digest, refs: await allRefs(refs, digest) };
    return this.#listed.refs;
  };

  /** A failure of these questions takes nothing away from the answer that came before. */
  widerThan(credentials: readonly Credential[], signal: AbortSignal): AskWider {
    return async (questions, read) => {
      await this.read(questions, credentials, signal, read).catch((error: unknown) => {
        if (signal.aborted) throw error;
      });
    };
  }

  /** git may find a repository where we saw a web page. It takes a page for a repository without refs, and may fail behind a redirect. */
  async #askBehindPage<T>(ask: Ask, page: NotNative, read: ReadRefs<T>): Promise<T> {
    const { fetchUrl } = this.#options.remote;
    const both: ReadRefs<{ readonly isEmpty: boolean; readonly answer: T }> = async (refs, digest) => {
      const all = await allRefs(refs, digest);
      return { isEmpty: all.length === 0, answer: await read(all, digest) };
    };
    const { isEmpty, answer } = await ask(both).catch((error: unknown) => {
      throw isOfKind(error, 'refused', 'too-slow') ? error : webPageInstead(fetchUrl, page.message, error);
    });
    if (isEmpty) throw webPageInstead(fetchUrl, page.message, page);
    return answer;
  }

  #sayHow(): void {
    if (this.#hasAsked) return;
    this.#hasAsked = true;
    const { native, reason, log } = this.#options;
    const how = native ? 'ls-refs over a kept-alive connection' : 'git ls-remote';
    log.info(1, 'polling', { how, ...(reason !== undefined && { reason }) });
  }
}
