import type { Credential } from '../../model/credential.ts';
import type { SidecarError } from '../../model/error.ts';
import type { Hint } from '../../model/hint.ts';
import type { RefChoice } from '../../poll/ref-choice.ts';
import type { RefSource, Tip } from '../../poll/ref-source.ts';
import type { UploadPack } from '../../remote/upload-pack.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Board, Watch } from './board.ts';

export interface HintedSourceOptions {
  readonly board: Board;
  readonly repository: RepositoryName;
  readonly choice: RefChoice;
  readonly source: RefSource;
  /**
   * The ref may have moved. The next polls are repeated until the source shows it: the source may learn of it later
   * than we do.
   */
  readonly onHint: (hint: Hint) => void;
}

/**
 * A source that is asked as soon as NATS says that the ref moved. What was noted is a hint only: the source decides,
 * so a note that comes late never takes a revision back.
 */
export class HintedSource implements RefSource {
  readonly #options: HintedSourceOptions;
  readonly #watch: Watch;
  /** What the source said last. */
  #tip: Tip | undefined;

  constructor(options: HintedSourceOptions) {
    this.#options = options;
    this.#watch = options.board.watch(options.repository, (name, { ref }) => {
      const oid = ref?.peeledOid ?? ref?.oid;
      // Where one of several is followed, another one takes the place of one that is gone.
      const isGone = !ref && !options.choice.names && name === this.#tip?.ref;
      if (isGone || (oid && oid !== this.#tip?.oid && this.#matters(name))) options.onHint({ ref: name, to: oid });
    });
  }

  get requestsSent(): number {
    return this.#options.source.requestsSent;
  }

  get native(): UploadPack | undefined {
    return this.#options.source.native;
  }

  get isRelayConnected(): boolean | undefined {
    return this.#options.source.isRelayConnected;
  }

  get fetchUrl(): string {
    return this.#options.source.fetchUrl;
  }

  async poll(choice: RefChoice, credentials: readonly Credential[], signal: AbortSignal): Promise<Tip> {
    const tip = await this.#options.source.poll(choice, credentials, signal);
    this.#tip = tip;
    return tip;
  }

  /** The ref that is followed; one that may take its place; and all, until it is known which one that is. */
  #matters(name: string): boolean {
    const { choice } = this.#options;
    return !this.#tip || name === this.#tip.ref || choice.isBefore(name, this.#tip.ref) !== false;
  }

  explain(error: SidecarError): SidecarError {
    return this.#options.source.explain(error);
  }

  close(): void {
    this.#watch.close();
    this.#options.source.close();
    void this.#options.board.close();
  }
}
