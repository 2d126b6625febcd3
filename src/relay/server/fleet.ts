import type { Clock } from '../../platform/clock.ts';
import type { RefChange } from '../protocol/refs.ts';
import type { Report } from '../protocol/report.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import {
  describeMember,
  describeRollout,
  type FleetDocument,
  iso,
  type Member,
  type Rollout,
} from './fleet-document.ts';
import type { Follower } from './follower.ts';

export interface FleetOptions {
  readonly clock: Clock;
  readonly follower: (name: RepositoryName) => Follower | undefined;
  /** One more subscriber followed a change. */
  readonly onFollowed: (seconds: number) => void;
}

/** How long one that went away is still shown. */
const REMEMBERED_MS = 10 * 60_000;
const MOST_ROLLOUTS_A_REPOSITORY = 20;

/** Who follows what, and how far each has come. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<string, Member>();
  readonly #rollouts = new Map<RepositoryName, Rollout[]>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** A stream was opened. */
  join(repository: RepositoryName, report: Report): void {
    const now = this.#options.clock.now();
    const member: Member = { repository, report, connectedAt: now, goneAt: undefined, behindSince: undefined };
    if (report.replaces !== undefined) {
      this.leave(report.replaces);
      this.#members.delete(report.replaces);
    }
    this.#members.set(report.stream, member);
    this.#judge(member, now);
  }

  leave(stream: string): void {
    const member = this.#members.get(stream);
    if (!member || member.goneAt !== undefined) return;
    member.goneAt = this.#options.clock.now();
    // A rollout does not wait for who is gone; who comes back and follows is counted again.
    for (const { total, done } of this.#rollouts.get(member.repository) ?? [])
      if (!done.has(stream)) total.delete(stream);
  }

  /** @returns the repository of the stream; undefined when there is no such stream here */
  repositoryOf(stream: string): RepositoryName | undefined {
    return this.#members.get(stream)?.repository;
  }

  /** @returns false when the stream is not one of ours */
  report(report: Report): boolean {
    const member = this.#members.get(report.stream);
    if (!member || member.goneAt !== undefined) return false;
    member.report = report;
    this.#judge(member, this.#options.clock.now());
    return true;
  }

  /** Refs moved: from now on everybody who follows them is behind until it says otherwise. */
  changed(repository: RepositoryName, changes: readonly RefChange[]): void {
    const now = this.#options.clock.now();
    const rollouts = this.#rollouts.get(repository) ?? [];
    const streams = this.#streamsByRef(repository);
    for (const { ref, to } of changes) {
      const total = streams.get(ref);
      if (!to || !total) continue;
      const oid = to.peeledOid ?? to.oid;
      rollouts.push({ repository, ref, oid, at: now, total: new Set(total), done: new Map(), lastAt: undefined });
    }
    this.#rollouts.set(repository, rollouts.slice(-MOST_ROLLOUTS_A_REPOSITORY));
    for (const member of this.#members.values()) if (member.repository === repository) this.#judge(member, now);
  }

  /** Forgets those that went long ago. */
  keepOrder(): void {
    const oldest = this.#options.clock.now() - REMEMBERED_MS;
    for (const [stream, { goneAt }] of this.#members)
      if (goneAt !== undefined && goneAt < oldest) this.#members.delete(stream);
  }

  /** Open streams whose published revision is not where its ref is. */
  get behind(): number {
    return [...this.#members.values()].filter((each) => each.goneAt === undefined && each.behindSince !== undefined)
      .length;
  }

  /** What `GET /fleet` shows of the repositories that `mayRead` allows. */
  document(mayRead: (name: RepositoryName) => boolean): FleetDocument {
    const now = this.#options.clock.now();
    const names = new Set([
      ...[...this.#members.values()].map(({ repository }) => repository),
      ...this.#rollouts.keys(),
    ]);
    return {
      at: iso(now),
      repositories: [...names].filter(mayRead).map((name) => {
        const members = [...this.#members.values()].filter(({ repository }) => repository === name);
        const follower = this.#options.follower(name);
        return {
          repository: name,
          asOf: follower?.isKnown ? iso(follower.asOf) : null,
          connected: members.filter(({ goneAt }) => goneAt === undefined).length,
          behind: members.filter(({ goneAt, behindSince }) => goneAt === undefined && behindSince !== undefined).length,
          instances: members.map((member) => describeMember(member, now)),
          rollouts: (this.#rollouts.get(name) ?? []).map(describeRollout).reverse(),
        };
      }),
    };
  }

  /** Open streams by the ref that each publishes. */
  #streamsByRef(repository: RepositoryName): Map<string, string[]> {
    const streams = new Map<string, string[]>();
    for (const { repository: theirs, goneAt, report } of this.#members.values()) {
      if (theirs !== repository || goneAt !== undefined || !report.published) continue;
      const { ref } = report.published;
      const known = streams.get(ref);
      if (known) known.push(report.stream);
      else streams.set(ref, [report.stream]);
    }
    return streams;
  }

  #judge(member: Member, now: number): void {
    const { repository, report } = member;
    const { published } = report;
    const tip = published && this.#options.follower(repository)?.refs.get(published.ref);
    const isThere = published && tip && (tip.peeledOid ?? tip.oid) === published.oid;
    member.behindSince = isThere || !tip ? undefined : (member.behindSince ?? now);
    if (!isThere) return;
    const rollout = this.#rollouts
      .get(repository)
      ?.findLast(({ ref, oid }) => ref === published.ref && oid === published.oid);
    if (!rollout || rollout.done.has(report.stream)) return;
    const ms = Math.max(0, now - rollout.at);
    rollout.total.add(report.stream);
    rollout.done.set(report.stream, ms);
    rollout.lastAt = now;
    this.#options.onFollowed(ms / 1000);
  }
}
