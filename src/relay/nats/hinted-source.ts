import type { Credential } from '../../model/credential.ts';
import type { Oid } from '../../model/oid.ts';
import type { Clock } from '../../platform/clock.ts';
import type { RefSource, Tip } from '../../poll/ref-source.ts';
import type { UploadPack } from '../../remote/upload-pack.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Board, Watch } from './board.ts';

export interface HintedSourceOptions {
  readonly board: Board;
  readonly repository: RepositoryName;
  readonly source: RefSource;
  /** The source is a relay, which may hear of a change later than we do. */
  readonly mayLag: boolean;
  readonly clock: Clock;
  /** There may be something new. */
  readonly onHint: () => void;
}

/** Pauses before a source that lags is asked again, in milliseconds. */
const PATIENCE_MS = [500, 1000, 2000, 4000, 8000];

/**
 * A source that is asked as soon as NATS says that the ref moved. What was noted is a hint only: the source decides,
 * so a note that comes late never takes a revision back.
 */
export class HintedSource implements RefSource {
  readonly #options: HintedSourceOptions;
  readonly #watch: Watch;
  readonly #closing = new AbortController();
  /** What the source said last. */
  #tip: Tip | undefined;
  #noted: Oid | undefined;
  #tries = 0;

  constructor(options: HintedSourceOptions) {
    this.#options = options;
    this.#watch = options.board.watch(options.repository, (name, { ref }) => {
      const oid = ref?.peeledOid ?? ref?.oid;
      if (!oid || oid === this.#tip?.oid || (this.#tip && name !== this.#tip.ref)) return;
      this.#noted = oid;
      this.#tries = 0;
      options.onHint();
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

  async poll(
    candidates: readonly string[],
    requested: string,
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<Tip> {
    const tip = await this.#options.source.poll(candidates, requested, credentials, signal);
    this.#tip = tip;
    if (this.#noted !== undefined && this.#noted !== tip.oid && this.#options.mayLag) void this.#askAgainSoon();
    else this.#noted = undefined;
    return tip;
  }

  close(): void {
    this.#closing.abort();
    this.#watch.close();
    this.#options.source.close();
    void this.#options.board.close();
  }

  async #askAgainSoon(): Promise<void> {
    const pause = PATIENCE_MS[this.#tries];
    this.#tries += 1;
    if (pause === undefined) {
      this.#noted = undefined;
      return;
    }
    await this.#options.clock.sleep(pause, this.#closing.signal);
    if (!this.#closing.signal.aborted) this.#options.onHint();
  }
}
