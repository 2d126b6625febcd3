import type { Git } from '../git/git.ts';
import type { Credential } from '../model/credential.ts';
import { SidecarError } from '../model/error.ts';
import type { ObjectFormat, Oid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { Logger } from '../platform/log.ts';
import type { RemoteUrl } from '../remote/url.ts';
import { type HttpPoll, NotNative } from './http-poll.ts';
import { lsRemote } from './ls-remote.ts';

/** What the remote has for the ref we follow. */
export interface Tip {
  /** Full name. */
  readonly ref: string;
  /** The commit; for an annotated tag what it points at. */
  readonly oid: Oid;
}

export interface PollerOptions {
  readonly remote: RemoteUrl;
  readonly git: Git;
  readonly log: Logger;
  /** undefined where the transport or a setting rules the native way out; `reason` says why. */
  readonly native: HttpPoll | undefined;
  readonly reason?: string;
}

/** Asks the cheap question in the cheapest way that works with this server, and remembers which that is. */
export class Poller {
  readonly #options: PollerOptions;
  #native: HttpPoll | undefined;
  #polls = 0;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#native = options.native;
    const how = options.native ? 'ls-refs over a kept-alive connection' : 'git ls-remote';
    options.log.info(1, 'polling', { how, ...(options.reason !== undefined && { reason: options.reason }) });
  }

  get polls(): number {
    return this.#polls;
  }

  get requestsSent(): number {
    return this.#options.native?.requestsSent ?? 0;
  }

  get objectFormat(): ObjectFormat | undefined {
    return this.#native?.objectFormat;
  }

  close(): void {
    this.#options.native?.close();
  }

  /**
   * The first of `candidates` that the remote has.
   * @throws SidecarError ERR_REMOTE_*; ERR_REMOTE_REF when it has none of them
   */
  async poll(
    candidates: readonly string[],
    requested: string,
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<Tip> {
    this.#polls += 1;
    const refs = await this.#list(candidates, credentials, signal);
    const byName = new Map(refs.map((ref) => [ref.name, ref]));
    for (const name of candidates) {
      const ref = byName.get(name);
      if (ref) return { ref: ref.name, oid: ref.peeledOid ?? ref.oid };
    }
    throw new SidecarError('ERR_REMOTE_REF', {
      op: 'look for',
      target: requested,
      detail: `couldn't find remote ref ${requested} in ${this.#options.remote.shownUrl}`,
    });
  }

  async #list(
    candidates: readonly string[],
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<AdvertisedRef[]> {
    const { git, remote, log } = this.#options;
    const ask = () => lsRemote(git, remote.fetchUrl, remote.shownUrl, candidates, signal);
    if (!this.#native) return await ask();
    try {
      return await this.#native.listRefs(candidates, credentials, signal);
    } catch (error) {
      if (!(error instanceof NotNative)) throw error;
      const refs = await ask();
      // Only an answer from git proves that the server is fine and ours was the wrong way to ask.
      log.info(0, 'polling with git ls-remote from now on', { reason: error.message });
      this.#native.close();
      this.#native = undefined;
      return refs;
    }
  }
}
