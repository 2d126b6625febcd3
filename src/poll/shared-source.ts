import type { Credential } from '../model/credential.ts';
import type { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import type { Poller } from './poller.ts';
import type { RefChoice } from './ref-choice.ts';
import { type RefSource, type Tip, tipOf } from './ref-source.ts';
import type { AskForRefs, Membership } from './shared-answers.ts';

export interface SharedSourceOptions {
  readonly poller: Poller;
  readonly membership: Membership;
  readonly shownUrl: string;
}

/** The git server, asked together with other syncs that follow refs of the same repository. */
export class SharedSource implements RefSource {
  readonly #options: SharedSourceOptions;

  constructor(options: SharedSourceOptions) {
    this.#options = options;
  }

  get requestsSent(): number {
    return this.#options.poller.requestsSent;
  }

  get native(): UploadPack | undefined {
    return this.#options.poller.native;
  }

  get fetchUrl(): string {
    return this.#options.poller.fetchUrl;
  }

  async poll(choice: RefChoice, credentials: readonly Credential[], signal: AbortSignal): Promise<Tip> {
    const { poller, membership, shownUrl } = this.#options;
    const ask: AskForRefs = async (questions, limit, read) => await poller.read(questions, credentials, limit, read);
    const collector = await membership.ask(choice, ask, signal);
    return await tipOf(collector, shownUrl, signal, poller.widerThan(credentials, signal));
  }

  expected(choice: RefChoice): Oid | undefined {
    const ref = this.#options.membership.seen(choice);
    return ref?.peeledOid ?? ref?.oid;
  }

  explain(error: SidecarError): SidecarError {
    return this.#options.poller.explain(error);
  }

  expectNews(): void {
    this.#options.membership.expectNews();
  }

  close(): void {
    // All members share the connection; the last one that leaves ends it.
    this.#options.membership.leave();
  }
}
