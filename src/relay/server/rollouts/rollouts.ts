import type { Policy } from '../../../config/rollout-policy.ts';
import { SidecarError } from '../../../model/error.ts';
import type { Oid } from '../../../model/oid.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { OneAtATime } from '../../../platform/one-at-a-time.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { GovernedView } from '../../rollout/governed-view.ts';
import type { Order } from '../../rollout/orders.ts';
import { compilePolicies, compileSkipRefs } from '../../rollout/policy.ts';
import type { RefView } from '../streams/ref-view.ts';
import { Decisions } from './decisions.ts';
import { commitOf, followedRefs, GovernedRepository, type RefChanges } from './governed-repository.ts';
import type { OtherDeciders } from './other-deciders.ts';
import { ReportQueue } from './report-queue.ts';
import type { OnNote, PlacedState, RolloutDesk, RolloutEntry, SharingView } from './rollout-desk.ts';
import type { DecisionStore, StoredRefs } from './rollout-store.ts';

/** The part of a follower that rollouts need. */
export interface FollowedRefs {
  readonly refs: Refs;
  /** The trailers of a commit's message; of one key the last. */
  trailersOf(oid: Oid): Promise<Readonly<Record<string, string>>>;
  /** Whether the commit is here. */
  has(oid: Oid): Promise<boolean>;
  /** Commits that stay, wherever the ref goes. */
  keep(ref: string, oids: readonly Oid[]): void;
}

export interface RolloutsOptions {
  readonly store: DecisionStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly follower: (name: RepositoryName) => FollowedRefs | undefined;
  /** Some instances may see other refs now. */
  readonly onReleased: (name: RepositoryName, instances: ReadonlySet<string>) => void;
  readonly onNote: OnNote;
  /** Where relays do not decide as one: what notices others. */
  readonly others?: OtherDeciders | undefined;
}

/** The same for the same instance when it comes back. @param owner the id of the principal */
export function instanceKey(owner: string, instance: string): string {
  return `${owner}\n${instance}`;
}

/** The rollouts of all repositories, as this relay decides about them. */
export class Rollouts implements RolloutDesk {
  readonly #options: RolloutsOptions;
  readonly #repositories = new Map<RepositoryName, GovernedRepository>();
  readonly #stored = new Map<RepositoryName, StoredRefs>();
  #policies: readonly Policy[] = [];
  #policyOf = compilePolicies([]);
  /** Refs are never changed in place: these were looked through. */
  #seen = new WeakSet<Refs>();
  readonly #decisions: Decisions;
  readonly #reports: ReportQueue;

  constructor(options: RolloutsOptions) {
    this.#options = options;
    const turns = new OneAtATime();
    const keep = (name: RepositoryName, ref: string, oids: readonly Oid[]): void =>
      options.follower(name)?.keep(ref, oids);
    this.#decisions = new Decisions({ ...options, turns, keep });
    const look = async (name: RepositoryName): Promise<void> => {
      const repository = this.#repositories.get(name);
      if (repository && this.#takeReports(repository)) await this.#decisions.showNow(repository);
    };
    this.#reports = new ReportQueue({ clock: options.clock, turns, look });
  }

  /** To be called where there may be policies, now or later. @throws SidecarError ERR_ROLLOUT_STATE */
  async open(policies: readonly Policy[]): Promise<void> {
    for (const [name, refs] of await this.#options.store.open()) this.#stored.set(name, refs);
    await this.take(policies);
  }

  /** Other policies are in force from now on; rollouts under way go on by them. */
  async take(policies: readonly Policy[]): Promise<void> {
    this.#policies = policies;
    this.#policyOf = compilePolicies(policies);
    this.#seen = new WeakSet();
    for (const [name, repository] of this.#repositories) {
      await this.#apply(repository, repository.renew(this.#now), true);
      await this.look(name);
    }
  }

  get isInForce(): boolean {
    return this.#policies.length > 0;
  }

  get isDeciding(): boolean {
    return true;
  }

  get sharing(): SharingView | undefined {
    return undefined;
  }

  /** Whether it was looked at, so that all that is decided about it is known here. */
  knows(name: RepositoryName): boolean {
    return this.#repositories.has(name);
  }

  /** Something that was decided about `name` could not be written yet. */
  isPending(name: RepositoryName): boolean {
    return this.#decisions.isPending(name);
  }

  /** Whether clients may fetch only what was released to them. */
  isEnforced(name: RepositoryName): boolean {
    const repository = this.#repositories.get(name);
    return repository?.refs.some((ref) => repository.policy(ref)?.enforce) ?? false;
  }

  async whenDecided(name: RepositoryName): Promise<void> {
    await this.look(name);
  }

  /** What is kept of `name`, for the mirror, before it is opened. */
  kept(name: RepositoryName): Iterable<readonly [ref: string, oids: readonly Oid[]]> {
    return this.isInForce ? this.#repository(name).kept() : [];
  }

  /** The refs of a repository are known, or moved. */
  async look(name: RepositoryName): Promise<void> {
    const follower = this.#options.follower(name);
    if (!this.isInForce || !follower || this.#seen.has(follower.refs)) return;
    const { refs } = follower;
    this.#seen.add(refs);
    const repository = this.#repository(name);
    // What moved meanwhile has a look of its own, and must not be undone by this one.
    const isNewest = (): boolean => this.#options.follower(name)?.refs === refs;
    for (const ref of refs.values()) {
      if (!isNewest()) return;
      const policy = ref.name === 'HEAD' ? undefined : repository.policy(ref.name);
      if (!policy) continue;
      const trailers = policy.skipAhead?.trailer === undefined ? undefined : await follower.trailersOf(commitOf(ref));
      if (!isNewest()) return;
      const skipRef = this.#isAtSkipRef(policy, ref, refs);
      await this.#apply(repository, repository.pushed(ref, { trailers, skipRef }, this.#now));
    }
  }

  /** A stream of an instance opened. @param names of the refs that it follows; undefined: not known by name */
  async join(owner: string, name: RepositoryName, report: Report, names: readonly string[] | undefined): Promise<void> {
    const repository = this.#repositories.get(name);
    const follower = this.#options.follower(name);
    if (!repository || !follower) return;
    const refs = followedRefs(names ?? [report.published?.ref ?? ''], follower.refs);
    if (this.isInForce) this.#options.others?.note(report.releasedBy);
    const key = instanceKey(owner, report.instance);
    await this.#apply(repository, repository.join(key, report, refs, this.#now));
  }

  /** A stream says something new of its instance. Resolves when it was looked at. */
  async report(owner: string, name: RepositoryName, report: Report): Promise<void> {
    const isKnown = this.#repositories.has(name);
    if (isKnown) await this.#reports.add(name, { key: instanceKey(owner, report.instance), report });
  }

  #takeReports(repository: GovernedRepository): boolean {
    const reports = this.#reports.take(repository.name);
    return reports.length > 0 && this.#decisions.take(repository, [...repository.reports(reports, this.#now)]);
  }

  async leave(owner: string, name: RepositoryName, { instance, stream }: Report): Promise<void> {
    const repository = this.#repositories.get(name);
    const key = instanceKey(owner, instance);
    if (repository) await this.#apply(repository, repository.leave(key, stream, this.#now));
  }

  /** Time has passed; to be called about once a second. */
  async tick(): Promise<void> {
    for (const repository of this.#repositories.values()) await this.#apply(repository, repository.tick(this.#now));
    for (const name of this.#decisions.due) await this.#decisions.show(this.#repository(name));
  }

  /** @throws SidecarError ERR_ROLLOUT_ORDER */
  async order(name: RepositoryName, ref: string, order: Order): Promise<RolloutEntry> {
    const repository = this.#repositories.get(name);
    const governed = repository?.governed(ref);
    if (!repository || !governed) {
      const detail = 'no policy of this relay is about it, or nobody has asked for the repository yet';
      throw new SidecarError('ERR_ROLLOUT_ORDER', { op: order.order, target: `${name}#${ref}`, detail });
    }
    if (order.to !== undefined && !(await this.#options.follower(name)?.has(order.to))) {
      const detail = 'the relay does not have this commit';
      throw new SidecarError('ERR_ROLLOUT_ORDER', { op: order.order, target: order.to, detail });
    }
    await this.#apply(repository, [[ref, governed.order(order, this.#now)]]);
    return { repository: name, ref, ...governed.describe(this.#now) };
  }

  /**
   * What an instance may see, among what its principal may see.
   * @param names of the refs that it follows; undefined for all
   */
  viewOf(name: RepositoryName, key: string, from: RefView, names: readonly string[] | undefined): RefView {
    const repository = this.#repositories.get(name);
    if (!repository) return from;
    const refs = names && followedRefs(names, this.#options.follower(name)?.refs ?? new Map());
    return repository.viewOf(key, from, refs);
  }

  /** @param shows which refs of a repository may be seen */
  *describe(shows: (name: RepositoryName) => ((ref: string) => boolean) | undefined): Iterable<RolloutEntry> {
    for (const [name, repository] of this.#repositories) {
      const isShown = shows(name);
      for (const ref of isShown ? repository.refs.filter(isShown) : []) {
        const governed = repository.governed(ref);
        if (governed) yield { repository: name, ref, ...governed.describe(this.#now) };
      }
    }
  }

  /** How a ref stands; undefined: no policy is about it, or nobody has asked for its repository yet. */
  view(name: RepositoryName, ref: string): GovernedView | undefined {
    return this.#repositories.get(name)?.governed(ref)?.describe(this.#now);
  }

  /** What was decided about each governed ref, also of repositories that nobody has asked for yet. */
  *states(): Iterable<PlacedState> {
    const all = new Map([
      ...this.#stored,
      ...[...this.#repositories].map(([name, each]) => [name, each.stored()] as const),
    ]);
    for (const [repository, refs] of all)
      for (const [ref, { state }] of Object.entries(refs)) {
        const policy = this.#policyOf(repository, ref)?.name;
        if (policy !== undefined) yield { repository, ref, policy, state };
      }
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  #repository(name: RepositoryName): GovernedRepository {
    const known = this.#repositories.get(name);
    if (known) return known;
    const policyOf = (ref: string): Policy | undefined => this.#policyOf(name, ref);
    const repository = new GovernedRepository(name, policyOf, this.#stored.get(name));
    this.#stored.delete(name);
    this.#repositories.set(name, repository);
    return repository;
  }

  #isAtSkipRef({ skipAhead }: Policy, ref: AdvertisedRef, refs: Refs): boolean {
    const isSkipRef = compileSkipRefs(skipAhead);
    return [...refs.values()].some((each) => isSkipRef(each.name) && commitOf(each) === commitOf(ref));
  }

  /** All of it is decided before the first of it is shown. Resolves when it is. */
  async #apply(repository: GovernedRepository, all: Iterable<RefChanges>, isRenewed = false): Promise<void> {
    // In the order in which it came.
    const hadNews = this.#takeReports(repository);
    const isNews = this.#decisions.take(repository, [...all]) || hadNews;
    if (isRenewed) this.#decisions.renew(repository);
    if (isNews || isRenewed) await this.#decisions.show(repository);
  }
}
