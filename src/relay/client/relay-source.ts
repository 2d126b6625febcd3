import type { Credential } from '../../model/credential.ts';
import { SidecarError } from '../../model/error.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { RefChoice } from '../../poll/ref-choice.ts';
import { pickTip, type RefSource, type Tip } from '../../poll/ref-source.ts';
import type { UploadPack } from '../../remote/upload-pack.ts';
import { confirmedAt, nextChange, type RefFeed, silenceOf, type Told } from './feed.ts';
import { objectsUnavailable } from './relay-failure.ts';
import type { Released } from './release-memory.ts';

export interface RelaySourceOptions {
  readonly feed: RefFeed;
  /** Gives out objects: the relay's git side. */
  readonly objects: RefSource;
  /** The git server itself, where it may be asked while the relay is unreachable. */
  readonly upstream: RefSource | undefined;
  /** Whether it released the ref when it was reached last; not needed without `upstream`. */
  readonly released?: Released | undefined;
  readonly shownUrl: string;
  /** URL of the relay, for errors. */
  readonly relay: string;
  /** 0: whatever the relay has is good. */
  readonly maxStalenessMs: number;
  readonly periodMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Whether the relay decides which revision of these refs is for this instance; undefined while it shows none of them. */
function isReleased(told: Told | undefined, choice: RefChoice): boolean | undefined {
  const covered = [...(told?.refs.values() ?? [])].filter(({ name }) => choice.covers(name));
  return covered.length === 0 ? undefined : covered.some((ref) => ref.isReleased === true);
}

/** How long the first poll waits for the stream. */
const FIRST_WORD_MS = 10_000;
/** A relay that is gone for less than this is being restarted. */
const GRACE_MS = 10_000;

/**
 * A relay as the place to ask: polls cost nothing, because the stream has brought the answer already. While the relay
 * is unreachable, its last answer is used, or, where that is allowed, the git server is asked.
 */
export class RelaySource implements RefSource {
  readonly #options: RelaySourceOptions;
  #current: RefSource;
  /** Milliseconds since the epoch. */
  #upstreamAskedAt = 0;
  /**
   * Since when the relay is unreachable, and how long we wait for it. The waits differ, so that a whole fleet does not
   * ask the git server at the same moment.
   */
  #away: { readonly since: number; readonly patienceMs: number } | undefined;

  constructor(options: RelaySourceOptions) {
    this.#options = options;
    this.#current = options.objects;
    // What broke the stream has probably broken the other connections to the relay: none of them is used again.
    options.feed.onChange(() => {
      if (!options.feed.isConnected) options.objects.native?.dropIdle();
    });
  }

  get requestsSent(): number {
    return this.#options.objects.requestsSent + (this.#options.upstream?.requestsSent ?? 0);
  }

  get native(): UploadPack | undefined {
    return this.#current.native;
  }

  get isRelayConnected(): boolean {
    return this.#options.feed.isConnected;
  }

  get fetchUrl(): string {
    return this.#current.fetchUrl;
  }

  async poll(choice: RefChoice, credentials: readonly Credential[], signal: AbortSignal): Promise<Tip> {
    const { feed, objects, shownUrl, clock, log, released } = this.#options;
    if (!feed.told && !this.#isAwayForLong()) await this.#firstWord(signal);
    const isNow = isReleased(feed.told, choice);
    if (isNow !== undefined) released?.note(isNow);
    // The git server knows nothing of the policy by which the relay releases revisions.
    const isPolicys = isNow ?? released?.was;
    const upstream = isPolicys ? undefined : this.#options.upstream;
    const told = this.#lastWord();
    // An answer of the git server is never replaced by that of a relay that asked earlier.
    const isBehind = told !== undefined && told.asOf < this.#upstreamAskedAt;
    if (told && !(upstream && (isBehind || this.#isAwayForLong()))) {
      this.#use(objects);
      return await pickTip(told.refs.values(), choice, shownUrl, signal);
    }
    if (!upstream) throw silenceOf(feed, this.#options.relay, FIRST_WORD_MS);
    if (this.#current !== upstream) log.warn('the relay is unreachable: asking the git server', { repo: shownUrl });
    this.#use(upstream);
    const tip = await upstream.poll(choice, credentials, signal);
    this.#upstreamAskedAt = clock.now();
    return tip;
  }

  explain(error: SidecarError): SidecarError {
    const { objects, relay } = this.#options;
    return this.#current === objects ? objectsUnavailable(error, relay) : error;
  }

  close(): void {
    this.#options.feed.close();
    this.#options.objects.close();
    this.#options.upstream?.close();
  }

  #use(source: RefSource): void {
    this.#current = source;
  }

  #isAwayForLong(): boolean {
    const { feed, clock, random, periodMs } = this.#options;
    if (feed.isConnected) {
      this.#away = undefined;
      return false;
    }
    this.#away ??= { since: clock.monotonic(), patienceMs: GRACE_MS + random() * periodMs };
    return clock.monotonic() - this.#away.since > this.#away.patienceMs;
  }

  async #firstWord(signal: AbortSignal): Promise<void> {
    const { feed, clock } = this.#options;
    const end = clock.monotonic() + FIRST_WORD_MS;
    while (!feed.told && !feed.trouble && !signal.aborted) {
      const left = end - clock.monotonic();
      if (left <= 0) return;
      await nextChange(feed, left, signal, clock);
    }
  }

  /** @throws SidecarError ERR_RELAY_STALE */
  #lastWord(): Told | undefined {
    const { feed, clock, maxStalenessMs, upstream } = this.#options;
    const { told } = feed;
    const age = told ? clock.now() - confirmedAt(feed, told, clock.now()) : 0;
    if (!told || maxStalenessMs === 0 || age <= maxStalenessMs || upstream) return told;
    const detail = `the git server last confirmed it ${Math.round(age / 1000)} s ago`;
    throw new SidecarError('ERR_RELAY_STALE', { op: 'ask the relay', detail });
  }
}
