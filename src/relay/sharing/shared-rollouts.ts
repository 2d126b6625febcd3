import type { Policy } from '../../config/rollout-policy.ts';
import { asSidecarError } from '../../model/error.ts';
import type { Oid } from '../../model/oid.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { Report } from '../protocol/report.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { GovernedView } from '../rollout/governed-view.ts';
import type { Order } from '../rollout/orders.ts';
import { followedRefs, keptCommits, SILENT } from '../server/rollouts/governed-repository.ts';
import type { OnNote, PlacedState, RolloutDesk, RolloutEntry, SharingView } from '../server/rollouts/rollout-desk.ts';
import type { DecisionStore, StoredRefs } from '../server/rollouts/rollout-store.ts';
import type { FollowedRefs } from '../server/rollouts/rollouts.ts';
import type { RefView } from '../server/streams/ref-view.ts';
import type { Bucket, Closing, Wire } from './bucket.ts';
import { Courier } from './courier.ts';
import { DecisionWait } from './decision-wait.ts';
import { Lease } from './lease.ts';
import { PassedOrders } from './passed-orders.ts';
import { bookOf, type PolicyBook } from './policy-book.ts';
import { Presenter, type ShowingFollower } from './presenter.ts';
import { Records } from './records.ts';
import { ShownDecisions } from './shown.ts';
import { ShownViews } from './shown-views.ts';
import { Standing } from './standing.ts';
import { Term } from './term.ts';

export interface SharedRolloutsOptions {
  /** Relays that decide as one have the same; it may stand in a key. */
  readonly group: string;
  /** A name of this process that no other relay has. */
  readonly relay: string;
  readonly bucket: Bucket;
  readonly wire: Wire;
  /** What was shown last, below the root. */
  readonly cache: DecisionStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly follower: (name: RepositoryName) => (FollowedRefs & ShowingFollower) | undefined;
  /** Follows a repository that instances of other relays follow. */
  readonly follow: (name: RepositoryName, owner: string) => Promise<void>;
  readonly onReleased: (name: RepositoryName, instances: ReadonlySet<string>) => void;
  /** Of the relay that decides only. */
  readonly onNote: OnNote;
}

/** A relay that decides and is silent for so long has lost the lease. */
const LEASE_MS = 10_000;
/** Between two looks at the lease. */
const PERIOD_MS = 2000;
const FIRST_LOOK_MS = 5000;

/**
 * The rollouts of relays that decide as one. The one that holds the lease decides. What it decided is written with
 * compare-and-set before any relay shows it, and each relay, that one too, shows what was written.
 */
export class SharedRollouts implements RolloutDesk {
  readonly #options: SharedRolloutsOptions;
  readonly #records: Records;
  readonly #lease: Lease;
  readonly #shown: ShownDecisions;
  readonly #presenter: Presenter;
  readonly #views: ShownViews;
  readonly #courier: Courier;
  readonly #decisionWait: DecisionWait;
  readonly #standing: Standing;
  readonly #orders: PassedOrders;
  readonly #open: Closing[] = [];
  #book: PolicyBook = bookOf([]);
  #term: Term | undefined;
  #termNumber = 0;
  /** Not before: one that fails to begin tries again a little later. */
  #beginAt = 0;
  #attempts = 0;
  #closeOrders: Closing | undefined;
  #isReady = false;
  #isTurning = false;
  #turnAt = 0;
  #decider: string | undefined;
  #isLoaded = false;
  #whenLoaded: () => void = () => undefined;

  constructor(options: SharedRolloutsOptions) {
    const { group, relay, bucket, clock, log, cache, follower, onReleased } = options;
    this.#options = options;
    this.#records = new Records(bucket, group);
    const policies = (): string => this.#book.digest;
    this.#lease = new Lease({ bucket, key: this.#records.leaseKey, holder: relay, policies, ttlMs: LEASE_MS, clock });
    this.#shown = new ShownDecisions(
      () => this.#book,
      () => this.#lease.policies,
    );
    this.#views = new ShownViews({ shown: this.#shown, book: () => this.#book, clock });
    this.#courier = new Courier({
      ...{ relay, wire: options.wire, clock },
      own: () => {
        const term = this.#isReady ? this.#term : undefined;
        return term && ((message) => term.take(message));
      },
      isWaiting: () => this.#term !== undefined,
    });
    const isDecided = (name: RepositoryName): boolean => !this.#book.covers(name) || this.#shown.of(name) !== undefined;
    this.#decisionWait = new DecisionWait(isDecided, clock);
    this.#standing = new Standing(group, relay, clock, log);
    this.#orders = new PassedOrders(options.wire);
    const instances = (name: RepositoryName): readonly string[] => this.#courier.instances(name);
    this.#presenter = new Presenter({ shown: this.#shown, cache, follower, instances, onReleased, log });
  }

  async open(policies: readonly Policy[]): Promise<void> {
    const { cache, clock, log } = this.#options;
    this.#book = bookOf(policies);
    for (const [name, refs] of await cache.open()) this.#shown.take(name, refs, this.#book.digest);
    const loaded = new Promise<void>((done) => {
      this.#whenLoaded = done;
    });
    this.#open.push(
      this.#records.follow(
        {
          begin: () => this.#presenter.begin(),
          take: (record) => this.#presenter.take(record),
          loaded: () => {
            this.#isLoaded = true;
            this.#whenLoaded();
          },
        },
        (error) => log.error(error, 'what was decided about rollouts cannot be read'),
      ),
      ...this.#courier.open(),
    );
    const waited = new AbortController();
    await Promise.race([loaded, clock.sleep(FIRST_LOOK_MS, waited.signal)]);
    waited.abort();
  }

  async take(policies: readonly Policy[]): Promise<void> {
    this.#book = bookOf(policies);
    if (this.#isReady) await this.#term?.renew();
    // Where nothing was decided yet, open streams stay where they are until something is.
    for (const name of this.#shown.names)
      this.#options.onReleased(name, new Set([SILENT, ...this.#courier.instances(name)]));
  }

  get isDeciding(): boolean {
    return this.#isReady && this.#term?.isOver === false && this.#lease.isHeld;
  }

  get sharing(): SharingView {
    return this.#standing.view;
  }

  isEnforced(name: RepositoryName): boolean {
    return this.#book.isEnforced(name);
  }

  kept(name: RepositoryName): Iterable<readonly [ref: string, oids: readonly Oid[]]> {
    return keptCommits(this.#shown.of(name) ?? {});
  }

  async look(name: RepositoryName): Promise<void> {
    if (this.#isReady) await this.#term?.rollouts.look(name);
  }

  async whenDecided(name: RepositoryName): Promise<void> {
    await this.look(name);
    await this.#decisionWait.for(name);
  }

  async join(owner: string, name: RepositoryName, report: Report, names: readonly string[] | undefined): Promise<void> {
    this.#courier.join(owner, name, report, names);
  }

  async report(owner: string, name: RepositoryName, report: Report): Promise<void> {
    this.#courier.report(owner, name, report);
  }

  async leave(owner: string, _name: RepositoryName, { stream }: Report): Promise<void> {
    this.#courier.leave(owner, stream);
  }

  async tick(): Promise<void> {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (now >= this.#turnAt && !this.#isTurning) {
      this.#turnAt = now + PERIOD_MS;
      void this.#turn();
    }
    this.#stand();
    this.#courier.tick();
    if (this.#isReady) await this.#term?.tick();
  }

  async order(repository: RepositoryName, ref: string, order: Order): Promise<RolloutEntry> {
    if (this.isDeciding && this.#term) return await this.#orders.give(this.#term, repository, ref, order);
    return await this.#orders.pass(this.#lease.decider, repository, ref, order);
  }

  viewOf(name: RepositoryName, key: string, from: RefView, names: readonly string[] | undefined): RefView {
    const refs = names && followedRefs(names, this.#options.follower(name)?.refs ?? new Map());
    return this.#shown.viewOf(name, key, from, refs);
  }

  describe(shows: (name: RepositoryName) => ((ref: string) => boolean) | undefined): Iterable<RolloutEntry> {
    return this.#views.describe(shows);
  }

  view(name: RepositoryName, ref: string): GovernedView | undefined {
    return this.#views.view(name, ref);
  }

  states(): Iterable<PlacedState> {
    return this.#views.states();
  }

  /** Lets the next relay decide at once. */
  async close(): Promise<void> {
    this.#endTerm();
    for (const each of this.#open.splice(0)) each.close();
    await this.#lease.giveUp().catch(() => undefined);
  }

  /** Writes are done by the time of the lease, so a look at it that hangs holds nothing up. */
  async #turn(): Promise<void> {
    this.#isTurning = true;
    try {
      // A relay that has not read what was decided would begin anew.
      await this.#lease.turn(this.#isLoaded);
    } catch (error) {
      this.#standing.note(asSidecarError(error, 'look who decides about rollouts').message);
    } finally {
      this.#isTurning = false;
    }
    this.#stand();
  }

  /** Begins to decide, or stops, as the lease says. */
  #stand(): void {
    const { wire } = this.#options;
    const isMine = this.#lease.isHeld && this.#lease.term === this.#termNumber;
    if (this.#term && (this.#term.isOver || !isMine)) this.#endTerm();
    if (!this.#term && this.#lease.isHeld && this.#options.clock.monotonic() >= this.#beginAt) this.#beginTerm();
    const { decider } = this.#lease;
    if (decider !== this.#decider) this.#courier.sendList();
    this.#decider = decider;
    this.#standing.update({
      decider,
      isDeciding: this.isDeciding,
      isConnected: wire.isConnected,
      hasOtherPolicies: decider !== undefined && this.#lease.policies !== this.#book.digest,
    });
  }

  #beginTerm(): void {
    const { relay, clock, log, follower, follow, onNote } = this.#options;
    const number = this.#lease.term;
    this.#termNumber = number;
    this.#beginAt = clock.monotonic() + PERIOD_MS;
    this.#attempts += 1;
    const term: Term = new Term({
      ...{ records: this.#records, clock, log, follower, follow, onNote },
      writer: `${relay} ${number} ${this.#attempts}`,
      mayWrite: () => this.#lease.isHeld && this.#lease.term === number,
      policies: () => this.#book,
      seeds: () => this.#stored(),
      onWritten: (record) => this.#presenter.take(record),
      onIncomplete: (of) => this.#courier.ask(of),
    });
    this.#term = term;
    const begin = async (): Promise<void> => {
      await term.begin();
      if (this.#term !== term) return;
      this.#isReady = true;
      this.#closeOrders = this.#orders.take(term);
      this.#courier.sendList();
      this.#courier.ask(undefined);
      this.#stand();
    };
    begin().catch((error: unknown) => {
      term.end();
      log.error(error, 'this relay cannot begin to decide about rollouts; it tries again');
    });
  }

  #endTerm(): void {
    this.#term?.end();
    this.#term = undefined;
    this.#isReady = false;
    this.#courier.sendList();
    this.#closeOrders?.close();
    this.#closeOrders = undefined;
  }

  #stored(): ReadonlyMap<RepositoryName, StoredRefs> {
    return new Map(this.#shown.names.map((name) => [name, this.#shown.of(name) ?? {}]));
  }
}
