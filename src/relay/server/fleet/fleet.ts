import { SidecarError } from '../../../model/error.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { RefChange } from '../../protocol/refs.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Follower } from '../mirror/follower.ts';
import { describeRefused } from '../mirror/refused-document.ts';
import { type RefView, WHOLE_VIEW } from '../streams/ref-view.ts';
import { type FleetPage, type RepositoryView, writeFleet } from './fleet-document.ts';
import { type Member, refsOfMember } from './member.ts';
import { Members } from './members.ts';
import { Rollout, type RolloutDocument } from './rollout.ts';

export interface FleetOptions {
  readonly clock: Clock;
  readonly follower: (name: RepositoryName) => Follower | undefined;
  /** Where a ref is for a member; by default where the git server has it. */
  readonly tipFor?: (member: Member, ref: string) => AdvertisedRef | undefined;
  /** One more subscriber followed a change. */
  readonly onFollowed: (seconds: number) => void;
  /** Something that the overview shows of a member is different now. */
  readonly onMember?: (member: Member) => void;
  readonly onForgotten?: (member: Member) => void;
  /** Event streams that may be open. */
  readonly mostSubscribers: number;
}

/** How long an instance that disconnected is still shown, while there is room. */
const REMEMBERED_MS = 10 * 60_000;
const MOST_GONE_OF_ONE = 500;
const MOST_GONE = 2000;
/** The share of the streams that one principal can fill the overview with. */
const SHARE_OF_ONE = 0.75;
const MOST_ROLLOUTS_A_REPOSITORY = 20;

/** Open streams by the ref that each publishes. */
function streamsByRef(members: readonly Member[]): Map<string, Member[]> {
  const streams = new Map<string, Member[]>();
  for (const member of members) {
    const ref = member.report.published?.ref;
    if (ref === undefined || member.goneAt !== undefined) continue;
    const known = streams.get(ref);
    if (known) known.push(member);
    else streams.set(ref, [member]);
  }
  return streams;
}

/** Which instance follows what, and how far each has come. A report of one principal changes nothing of another one. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members: Members;
  readonly #rollouts = new Map<RepositoryName, Rollout[]>();
  #joined = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { mostSubscribers } = options;
    this.#members = new Members({
      most: mostSubscribers + MOST_GONE,
      mostOfOne: Math.ceil(mostSubscribers * SHARE_OF_ONE) + MOST_GONE_OF_ONE,
      mostGone: MOST_GONE,
      mostGoneOfOne: MOST_GONE_OF_ONE,
      onForgotten: options.onForgotten,
    });
  }

  /**
   * A stream was opened.
   * @param owner the id of the principal who opened it
   * @param key the digest of the key that it showed
   * @throws SidecarError ERR_RELAY_REPORT when the principal, or the overview, has as many members as it may, or when
   * another client has the stream
   */
  join(owner: string, repository: RepositoryName, given: Report, key?: string): Member {
    const now = this.#options.clock.now();
    if (!this.mayReport(owner, given.stream, key)) {
      const detail = 'another client has a stream of this name';
      throw new SidecarError('ERR_RELAY_REPORT', { op: 'take a report', detail });
    }
    const isOwn = given.replaces === undefined || this.mayReport(owner, given.replaces, key);
    const report = isOwn ? given : { ...given, replaces: undefined };
    const before = this.#members.find(owner, report.replaces ?? report.stream);
    const member: Member = {
      owner,
      number: this.#joined,
      repository,
      key,
      report,
      connectedAt: now,
      goneAt: undefined,
      // An instance that comes back follows the rollout that it left.
      behindSince: before?.repository === repository ? before.behindSince : undefined,
      followed: before?.repository === repository ? before.followed : undefined,
    };
    this.#joined += 1;
    if (before) {
      this.leave(before);
      this.#members.remove(before);
    }
    if (!this.#members.add(member)) {
      const detail = 'the overview of the fleet has as many instances as it may';
      throw new SidecarError('ERR_RELAY_REPORT', { op: 'take a report', detail });
    }
    this.#judge(member, now);
    this.#options.onMember?.(member);
    return member;
  }

  leave(member: Member): void {
    if (member.goneAt !== undefined) return;
    member.goneAt = this.#options.clock.now();
    this.#options.onMember?.(member);
    // A rollout does not wait for an instance that is gone; one that comes back and follows is counted again.
    for (const rollout of this.#rolloutsOf(member)) rollout.dismiss(member);
    this.#members.end(member);
  }

  /** Whether a client of `owner` that shows this key may report on the stream, or replace it. */
  mayReport(owner: string, stream: string, key: string | undefined): boolean {
    const known = this.#members.find(owner, stream)?.key;
    return known === undefined || known === key;
  }

  /** @returns the repository of the stream; undefined when `owner` has no such stream here */
  repositoryOf(owner: string, stream: string): RepositoryName | undefined {
    return this.#members.find(owner, stream)?.repository;
  }

  /** @returns false when `owner` has no such stream here */
  report(owner: string, report: Report): boolean {
    const member = this.#members.find(owner, report.stream);
    if (!member || member.goneAt !== undefined) return false;
    if (member.report.published?.ref !== report.published?.ref)
      for (const rollout of this.#rolloutsOf(member)) rollout.dismiss(member);
    member.report = report;
    this.#judge(member, this.#options.clock.now());
    this.#options.onMember?.(member);
    return true;
  }

  /** Refs moved: from now on each instance that follows them is behind until it reports otherwise. */
  changed(repository: RepositoryName, changes: readonly RefChange[]): void {
    const now = this.#options.clock.now();
    const members = [...this.#members.of(repository)];
    const rollouts = this.#rollouts.get(repository) ?? [];
    const streams = streamsByRef(members);
    const watched = new Set([...rollouts.map(({ ref }) => ref), ...streams.keys()]);
    // Very many refs may have moved, of which nobody here follows most.
    for (const { ref, to } of changes) {
      if (!watched.has(ref)) continue;
      for (const rollout of rollouts) if (rollout.ref === ref) rollout.overtake();
      const following = streams.get(ref);
      if (to && following) rollouts.push(new Rollout(ref, to.peeledOid ?? to.oid, now, following));
    }
    this.#rollouts.set(repository, rollouts.slice(-MOST_ROLLOUTS_A_REPOSITORY));
    for (const member of members) {
      const before = member.behindSince;
      this.#judge(member, now);
      if (member.behindSince !== before) this.#options.onMember?.(member);
    }
  }

  /** Forgets instances that disconnected long ago, and the rollouts of repositories that are not followed. */
  keepOrder(): void {
    this.#members.forgetBefore(this.#options.clock.now() - REMEMBERED_MS);
    for (const name of this.#rollouts.keys()) if (!this.#options.follower(name)) this.#rollouts.delete(name);
  }

  /** Open streams whose published revision is not where its ref is. */
  get behind(): number {
    return this.#members.repositories.reduce((sum, name) => sum + this.#counts(name).behind, 0);
  }

  /** Members that are kept, whether their streams are open or not. */
  get size(): number {
    return this.#members.size;
  }

  /**
   * What `GET /fleet` shows of the repositories that `mayRead` allows: the JSON of a FleetDocument, in small pieces
   * that are made when they are asked for.
   * @param viewOf the refs of a repository that may be seen; what is about others is left out
   */
  document(
    mayRead: (name: RepositoryName) => boolean,
    page: FleetPage = {},
    viewOf: (name: RepositoryName) => RefView = () => WHOLE_VIEW,
  ): Iterable<string> {
    const names = new Set([...this.#members.repositories, ...this.#rollouts.keys()]);
    const views = (function* (fleet: Fleet): Iterable<RepositoryView> {
      for (const name of [...names].filter(mayRead).sort()) yield fleet.#view(name, viewOf(name));
    })(this);
    return writeFleet(views, this.#options.clock.now(), page);
  }

  #view(name: RepositoryName, { shows }: RefView): RepositoryView {
    const follower = this.#options.follower(name);
    return {
      repository: name,
      asOf: follower?.isKnown ? follower.asOf : undefined,
      counts: () => this.#counts(name),
      members: () => [...this.#members.of(name)].filter((member) => refsOfMember(member).every(shows)),
      rollouts: () => this.#describeRollouts(name, shows),
      refused: () => (follower ? describeRefused(follower.refused, shows) : []),
    };
  }

  /** How many instances are connected and behind, and the moves of the last time. */
  summaryOf(
    name: RepositoryName,
    shows: (ref: string) => boolean,
  ): { connected: number; behind: number; moves: RolloutDocument[] } {
    return { ...this.#counts(name), moves: this.#describeRollouts(name, shows) };
  }

  #describeRollouts(name: RepositoryName, shows: (ref: string) => boolean): RolloutDocument[] {
    const seen = (this.#rollouts.get(name) ?? []).filter(({ ref }) => shows(ref));
    return seen.map((rollout) => rollout.describe()).reverse();
  }

  #counts(name: RepositoryName): { connected: number; behind: number } {
    const counts = { connected: 0, behind: 0 };
    for (const { goneAt, behindSince } of this.#members.of(name)) {
      if (goneAt !== undefined) continue;
      counts.connected += 1;
      if (behindSince !== undefined) counts.behind += 1;
    }
    return counts;
  }

  #rolloutsOf({ repository }: Member): readonly Rollout[] {
    return this.#rollouts.get(repository) ?? [];
  }

  #judge(member: Member, now: number): void {
    const { published } = member.report;
    const { follower, tipFor } = this.#options;
    const tip = published && (tipFor?.(member, published.ref) ?? follower(member.repository)?.refs.get(published.ref));
    const isThere = published && tip && (tip.peeledOid ?? tip.oid) === published.oid;
    const wasBehind = member.behindSince !== undefined;
    member.behindSince = isThere || !tip ? undefined : (member.behindSince ?? now);
    // An instance that had the revision from the start has not followed anything.
    if (!isThere || !wasBehind || member.goneAt !== undefined) return;
    const rollout = this.#rolloutsOf(member).findLast(({ ref, oid }) => ref === published.ref && oid === published.oid);
    if (!rollout || rollout === member.followed) return;
    member.followed = rollout;
    this.#options.onFollowed(rollout.followed(member, now) / 1000);
  }
}
