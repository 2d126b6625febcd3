import type { RolloutFile } from '../../config/rollout-file.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { Logger } from '../../platform/log.ts';
import type { MetricsSink } from '../../serve/metrics-sink.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { GovernedView } from '../rollout/governed-view.ts';
import type { JournalEntry } from '../rollout/journal.ts';
import type { PlacedState } from '../server/rollouts/rollout-desk.ts';
import { answerDestination } from './answer-destination.ts';
import { type CommitStatus, NO_STANDING, type Standing, stepBy } from './commit-status.ts';
import { describeProgress } from './describe-progress.ts';
import { type Destination, refKey } from './destination.ts';
import type { DestinationTools } from './destination-tools.ts';
import type { Ledger } from './ledger.ts';
import { entriesAfter } from './marks.ts';
import { notificationDestination } from './notification-destination.ts';
import { eventOf, type Place, type RolloutEvent } from './rollout-event.ts';

export interface OutboxOptions extends Pick<DestinationTools, 'learn' | 'githubApp'> {
  readonly ledger: Ledger;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsSink | undefined;
  /** All governed refs, also of repositories that nobody has asked for yet. */
  readonly states: () => Iterable<PlacedState>;
  /** How a ref stands; undefined: nobody has asked for its repository yet. */
  readonly view: (repository: RepositoryName, ref: string) => GovernedView | undefined;
  /** Of several relays one decides, and that one sends. */
  readonly isDeciding: () => boolean;
  /** Makes a text fit to be shown to others: nothing secret, on one line. */
  readonly clean: (text: string) => string;
}

/** What is known of a ref. */
interface Tracked {
  place: Place;
  standing: Standing;
  /** When it was last looked at, and its progress passed on, on the monotonic clock; and of which stage. */
  lookedAt: number;
  progressAt: number;
  stage: string;
  /** How often it was shown at once. */
  prompt: number;
}

const LEAST_PROGRESS_MS = 15_000;
/**
 * A share of what a rollout has taken is waited for before its progress is shown again: a long one gets about 200
 * statuses. GitHub takes 1000 of one commit and name.
 */
const PROGRESS_SHARE = 0.05;
/** What is shown at once, so often in one rollout. */
const PROMPT: readonly JournalEntry['what'][] = ['opened', 'soaking', 'paused', 'resumed', 'frozen', 'thawed'];
const MOST_PROMPT = 100;

/** A relay that decided and was killed is replaced within this time; see the lease of `sharing/`. */
const TAKEN_OVER_MS = 60_000;

/** Reports rollouts to all who are named in `answers` and `notifications`. */
export class Outbox {
  readonly #options: OutboxOptions;
  #destinations: readonly Destination[] = [];
  readonly #refs = new Map<string, Tracked>();
  #isOpen = false;
  /** Something was noted that the ledger does not have. */
  #isDirty = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Goes on where an earlier process ended. To be called when the rollouts are open. */
  async open(file: RolloutFile): Promise<void> {
    await this.#options.ledger.open();
    this.#isOpen = true;
    await this.take(file);
  }

  /** Other entries are in force from now on. Those that are as before go on undisturbed. */
  async take({ answers, notifications }: Pick<RolloutFile, 'answers' | 'notifications'>): Promise<void> {
    const { ledger, clock } = this.#options;
    const before = new Map(this.#destinations.map((each) => [each.id, each]));
    const isSame = (id: string, config: unknown): boolean => before.get(id)?.digest === JSON.stringify(config);
    const ids = new Map<string, unknown>([
      ...answers.map((config) => [`answers/${config.name}`, config] as const),
      ...notifications.map((config) => [`notifications/${config.name}`, config] as const),
    ]);
    const over = this.#destinations.filter(({ id }) => !isSame(id, ids.get(id)));
    this.#destinations = this.#destinations.filter(({ id }) => isSame(id, ids.get(id)));
    await Promise.all(over.map(async (each) => await each.close()));
    const fresh: Destination[] = [];
    for (const config of answers) {
      const id = `answers/${config.name}`;
      if (!isSame(id, config)) fresh.push(answerDestination(config, ledger.reopen(id, clock.now()), this.#tools));
    }
    for (const config of notifications) {
      const id = `notifications/${config.name}`;
      if (isSame(id, config)) continue;
      ledger.reopen(id, clock.now());
      fresh.push(notificationDestination(config, this.#tools));
    }
    this.#destinations = [...this.#destinations, ...fresh];
    ledger.keep(new Set(ids.keys()));
    const states = [...this.#options.states()];
    for (const each of states) {
      this.#follow(each);
      this.#catchUp(each, fresh);
    }
    this.#dropUngoverned(new Set(states.map(refKey)));
    if (ids.size > 0 || before.size > 0) await ledger.save();
  }

  /**
   * This relay decides from now on, in place of another one. What happened shortly before may not have been passed on,
   * so it is, perhaps for the second time; what is older is not.
   */
  takeOver(): void {
    if (!this.#isOpen) return;
    const from = this.#options.clock.now() - TAKEN_OVER_MS;
    for (const each of this.#options.states()) {
      this.#follow(each);
      this.#catchUp(each, this.#destinations, from);
    }
  }

  /** Something happened to the rollout of a ref. It returns at once, and never throws. */
  note(place: Place, entry: JournalEntry): void {
    try {
      this.#note(place, entry);
    } catch (error) {
      this.#options.log.error(error, 'an event of a rollout could not be passed on', { ...place });
    }
  }

  #note(place: Place, entry: JournalEntry): void {
    const tracked = this.#track(place);
    const { standing, statuses } = stepBy(tracked.standing, entry);
    tracked.standing = standing;
    if (!this.#isOpen) return;
    this.#pass(place, entry, statuses, this.#destinations);
    if (entry.what === 'started') tracked.prompt = 0;
    if (!PROMPT.includes(entry.what) || tracked.prompt >= MOST_PROMPT) return;
    tracked.prompt += 1;
    tracked.stage = '';
  }

  /** Passes on how far rollouts have come; to be called about once a second. */
  look(): void {
    if (!this.#isOpen || this.#destinations.length === 0 || !this.#options.isDeciding()) return;
    for (const tracked of this.#refs.values()) if (tracked.standing.underWay !== undefined) this.#lookAt(tracked);
  }

  /** To be called now and then: files with secrets may be others. */
  async refresh(): Promise<void> {
    await Promise.all(this.#destinations.map(async (each) => await each.refresh()));
    if (!this.#isDirty) return;
    this.#isDirty = false;
    await this.#options.ledger.save();
  }

  showMetrics(): void {
    const { metrics } = this.#options;
    const pending = new Map<string, number>();
    for (const each of this.#destinations) pending.set(each.kind, (pending.get(each.kind) ?? 0) + each.pending);
    for (const [kind, many] of pending) metrics?.set('git_sidecar_rollout_messages_pending', many, { kind });
  }

  async close(): Promise<void> {
    await Promise.all(this.#destinations.map(async (each) => await each.close()));
    if (this.#destinations.length > 0) await this.#options.ledger.save();
  }

  get #tools(): DestinationTools {
    const { http, clock, random, log, learn, githubApp, metrics, ledger } = this.#options;
    return {
      ...{ http, clock, learn, githubApp },
      senderOptions: (kind, name) => ({
        ...{ name, clock, random, log },
        onResult: (result, many) => {
          for (let each = 0; each < many; each += 1)
            metrics?.count('git_sidecar_rollout_messages_total', { kind, result });
        },
        onProgress: async () => await ledger.save(),
      }),
    };
  }

  #track(place: Place): Tracked {
    const key = refKey(place);
    const known = this.#refs.get(key);
    if (known) {
      // The name of the policy is a part of most contexts.
      if (known.place.policy !== place.policy) {
        this.#drop(known, `Policy ${place.policy} is about it now`);
        known.stage = '';
      }
      known.place = place;
      return known;
    }
    const never = Number.NEGATIVE_INFINITY;
    const tracked = { place, standing: NO_STANDING, lookedAt: never, progressAt: never, stage: '', prompt: 0 };
    this.#refs.set(key, tracked);
    return tracked;
  }

  #follow({ state: { rollout, completed }, ...place }: PlacedState): void {
    const underWay = rollout?.halt === undefined ? rollout : undefined;
    const startedAt = underWay?.startedAt ?? 0;
    this.#track(place).standing = { completed: completed?.oid, underWay: underWay?.oid, startedAt };
  }

  /** Rollouts that no policy is about any more have not ended, and nothing more is heard of them. */
  #dropUngoverned(governed: ReadonlySet<string>): void {
    for (const [key, tracked] of this.#refs) {
      if (governed.has(key)) continue;
      this.#drop(tracked, 'No policy is about it any more');
      this.#refs.delete(key);
    }
  }

  #drop({ place, standing: { underWay: oid } }: Tracked, text: string): void {
    if (oid === undefined || !this.#options.isDeciding()) return;
    const status = { ...place, oid, state: 'stopped' as const, text };
    for (const destination of this.#destinations) if (destination.isFor(place)) destination.progress(status);
  }

  /** Passes on what destinations have not got yet. */
  #catchUp({ state: { journal }, ...place }: PlacedState, destinations: readonly Destination[], from = 0): void {
    const { ledger, clock } = this.#options;
    for (const destination of destinations) {
      const { cursor } = ledger.destination(destination.id, clock.now()).marksOf(refKey(place));
      const missing = new Set(entriesAfter(journal, cursor));
      let standing = NO_STANDING;
      for (const entry of missing.size === 0 ? [] : journal) {
        const step = stepBy(standing, entry);
        standing = step.standing;
        if (!missing.has(entry)) continue;
        if (entry.at >= from) this.#pass(place, entry, step.statuses, [destination]);
        else ledger.destination(destination.id, clock.now()).marksOf(refKey(place)).add(entry, 0);
      }
    }
  }

  #pass(
    place: Place,
    entry: JournalEntry,
    said: readonly Pick<CommitStatus, 'oid' | 'state' | 'text'>[],
    destinations: readonly Destination[],
  ): void {
    const { ledger, clock, clean, isDeciding } = this.#options;
    const statuses = said.map((each) => ({ ...place, ...each, text: clean(each.text) }));
    const event: RolloutEvent = eventOf(place, entry, clean);
    this.#isDirty ||= destinations.length > 0;
    for (const destination of destinations) {
      const isForIt = destination.isFor(place) && isDeciding();
      const open = isForIt ? destination.wants(event, statuses) : 0;
      const mark = ledger.destination(destination.id, clock.now()).marksOf(refKey(place)).add(entry, open);
      if (open > 0) destination.take(event, statuses, mark);
    }
  }

  #lookAt(tracked: Tracked): void {
    const { clock, clean, view: viewOf } = this.#options;
    const { place, standing } = tracked;
    const now = clock.monotonic();
    const pause = Math.max(LEAST_PROGRESS_MS, (clock.now() - standing.startedAt) * PROGRESS_SHARE);
    if (tracked.stage !== '' && now - tracked.lookedAt < LEAST_PROGRESS_MS) return;
    tracked.lookedAt = now;
    const view = viewOf(place.repository, place.ref);
    const progress = view && describeProgress(view);
    if (!view || !progress || progress.oid !== standing.underWay) return;
    const stage = `${view.stage ?? ''}\n${view.status}`;
    if (tracked.stage === stage && now - tracked.progressAt < pause) return;
    tracked.stage = stage;
    tracked.progressAt = now;
    const status = { ...place, ...progress, text: clean(progress.text) };
    for (const destination of this.#destinations) if (destination.isFor(place)) destination.progress(status);
  }
}
