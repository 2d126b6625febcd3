import type { Policy } from '../../config/rollout-policy.ts';
import { SidecarError } from '../../model/error.ts';
import type { Oid } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { OneAtATime } from '../../platform/one-at-a-time.ts';
import type { Refs } from '../protocol/refs.ts';
import type { Report } from '../protocol/report.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { GovernedState } from '../rollout/governed-state.ts';
import type { GovernedView } from '../rollout/governed-view.ts';
import type { JournalEntry } from '../rollout/journal.ts';
import type { Order } from '../rollout/orders.ts';
import { compilePolicies, compileSkipRefs } from '../rollout/policy.ts';
import { commitOf, followedRefs, GovernedRepository, type RefChanges } from './governed-repository.ts';
import type { RefView } from './ref-view.ts';
import type { RolloutStore, StoredRefs } from './rollout-store.ts';

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
  readonly store: RolloutStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly follower: (name: RepositoryName) => FollowedRefs | undefined;
  /** Some instances may see other refs now. */
  readonly onReleased: (name: RepositoryName, instances: ReadonlySet<string>) => void;
  /** @param policy its name */
  readonly onNote: (name: RepositoryName, entry: JournalEntry, ref: string, policy: string) => void;
}

/** What was decided about a ref. */
export interface PlacedState {
  readonly repository: RepositoryName;
  readonly ref: string;
  readonly policy: string;
  readonly state: GovernedState;
}

/** What {@link Rollouts.describe} shows of one ref. */
export interface RolloutEntry extends GovernedView {
  readonly repository: RepositoryName;
  readonly ref: string;
}

/** Before it is tried again to write what could not be written. */
const SAVE_AGAIN_MS = 10_000;
/** What was decided is written down to the end. */
const NEVER = new AbortController().signal;

/** The same for the same instance when it comes back. @param owner the id of the principal */
export function instanceKey(owner: string, instance: string): string {
  return `${owner}\n${instance}`;
}

/**
 * The rollouts of all repositories. What is decided is written down first, and then shown; what cannot be written is
 * shown nevertheless, and written again with the next change.
 */
export class Rollouts {
  readonly #options: RolloutsOptions;
  readonly #repositories = new Map<RepositoryName, GovernedRepository>();
  #stored = new Map<RepositoryName, StoredRefs>();
  #policies: readonly Policy[] = [];
  #policyOf = compilePolicies([]);
  /** Refs are never changed in place: these were looked through. */
  #seen = new WeakSet<Refs>();
  readonly #unsaved = new Set<RepositoryName>();
  #saveAgainAt = 0;
  readonly #pending = new Map<RepositoryName, { readonly instances: Set<string>; isChanged: boolean }>();
  readonly #turns = new OneAtATime();

  constructor(options: RolloutsOptions) {
    this.#options = options;
  }

  /** To be called where there may be policies, now or later. @throws SidecarError ERR_ROLLOUT_STATE */
  async open(policies: readonly Policy[]): Promise<void> {
    this.#stored = await this.#options.store.open();
    await this.take(policies);
  }

  /** Other policies are in force from now on; rollouts under way go on by them. */
  async take(policies: readonly Policy[]): Promise<void> {
    this.#policies = policies;
    this.#policyOf = compilePolicies(policies);
    this.#seen = new WeakSet();
    for (const [name, repository] of this.#repositories) {
      await this.#apply(repository, repository.renew(this.#now));
      await this.#save(repository);
      this.#options.onReleased(name, new Set(repository.instances));
      await this.look(name);
    }
  }

  get isInForce(): boolean {
    return this.#policies.length > 0;
  }

  /** Whether clients may fetch only what was released to them. */
  isEnforced(name: RepositoryName): boolean {
    const repository = this.#repositories.get(name);
    return repository?.refs.some((ref) => repository.policy(ref)?.enforce) ?? false;
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
    const key = instanceKey(owner, report.instance);
    await this.#apply(repository, repository.join(key, report, refs, this.#now));
  }

  async report(owner: string, name: RepositoryName, report: Report): Promise<void> {
    const repository = this.#repositories.get(name);
    const key = instanceKey(owner, report.instance);
    if (repository) await this.#apply(repository, repository.report(key, report, this.#now));
  }

  async leave(owner: string, name: RepositoryName, { instance, stream }: Report): Promise<void> {
    const repository = this.#repositories.get(name);
    const key = instanceKey(owner, instance);
    if (repository) await this.#apply(repository, repository.leave(key, stream, this.#now));
  }

  /** Time has passed; to be called about once a second. */
  async tick(): Promise<void> {
    for (const repository of this.#repositories.values()) await this.#apply(repository, repository.tick(this.#now));
    if (this.#unsaved.size === 0 || this.#options.clock.monotonic() < this.#saveAgainAt) return;
    for (const name of [...this.#unsaved]) await this.#save(this.#repository(name));
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
  async #apply(repository: GovernedRepository, all: Iterable<RefChanges>): Promise<void> {
    const { log, onNote } = this.#options;
    const pending = this.#pending.get(repository.name) ?? { instances: new Set<string>(), isChanged: false };
    let isNews = false;
    for (const [ref, { notes, changed, retargeted }] of [...all]) {
      for (const entry of notes) {
        const { what, who, why, oid, stage } = entry;
        log.info(0, 'rollout', { repository: repository.name, ref, what, stage, hash: oid, who, why });
        onNote(repository.name, entry, ref, repository.policy(ref)?.name ?? '');
      }
      for (const key of retargeted) pending.instances.add(key);
      if (notes.some(({ what }) => what === 'first'))
        for (const key of repository.instances) pending.instances.add(key);
      pending.isChanged ||= changed;
      isNews ||= changed || retargeted.length > 0;
    }
    if (!isNews) return;
    this.#pending.set(repository.name, pending);
    await this.#turns.run(async () => await this.#show(repository), NEVER);
  }

  /** Writes down what is pending, and shows it: that of many calls together. */
  async #show(repository: GovernedRepository): Promise<void> {
    const { name } = repository;
    const pending = this.#pending.get(name);
    if (!pending) return;
    this.#pending.delete(name);
    if (pending.isChanged) {
      await this.#save(repository);
      const follower = this.#options.follower(name);
      for (const [ref, oids] of repository.kept()) follower?.keep(ref, oids);
    }
    if (pending.instances.size > 0) this.#options.onReleased(name, pending.instances);
  }

  async #save(repository: GovernedRepository): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.save(repository.name, repository.stored());
      this.#unsaved.delete(repository.name);
    } catch (error) {
      this.#unsaved.add(repository.name);
      this.#saveAgainAt = this.#options.clock.monotonic() + SAVE_AGAIN_MS;
      const { name } = repository;
      log.error(error, 'rollouts cannot be noted; a relay that starts again would not know of this', {
        repository: name,
      });
    }
  }
}
