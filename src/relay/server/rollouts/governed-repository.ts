import type { Policy } from '../../../config/rollout-policy.ts';
import type { Oid } from '../../../model/oid.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import { type Changes, GovernedRef } from '../../rollout/governed-ref.ts';
import type { Instance, InstanceRun } from '../../rollout/instance.ts';
import type { PushFacts } from '../../rollout/policy.ts';
import { type RefView, releasedView } from '../streams/ref-view.ts';
import type { StoredRefs } from './rollout-store.ts';

/** Tag objects that are remembered of one ref. */
const MOST_TAGS = 200;

/** One ref, and where it leads for whom. */
interface Entry {
  readonly governed: GovernedRef;
  readonly policy: Policy;
  readonly tags: Map<Oid, Oid>;
  /** The instances that are there were made known to it. */
  isSeated: boolean;
}

/** Instances that never report are one: nobody waits for them. */
export const SILENT = '';

/** One stream of an instance: what it reported last, and the full names of the refs that it follows. */
interface SeatedStream {
  readonly report: Report;
  readonly refs: readonly string[];
}

/** The streams of one instance. */
interface Seat {
  readonly name: string;
  /** By the name of the stream. */
  readonly streams: Map<string, SeatedStream>;
}

/** A report, and the key of the instance that it is of. */
export interface KeyedReport {
  readonly key: string;
  readonly report: Report;
}

/** What a call changed about one ref. */
export type RefChanges = readonly [ref: string, changes: Changes];

export const commitOf = ({ oid, peeledOid }: AdvertisedRef): Oid => peeledOid ?? oid;

/** The refs of one repository for which there is a policy. Nothing here waits or writes. */
export class GovernedRepository {
  readonly name: RepositoryName;
  readonly #refs = new Map<string, Entry>();
  /** By the key of the instance. */
  readonly #seats = new Map<string, Seat>();
  readonly #policyOf: (ref: string) => Policy | undefined;

  constructor(name: RepositoryName, policyOf: (ref: string) => Policy | undefined, stored: StoredRefs = {}) {
    this.name = name;
    this.#policyOf = policyOf;
    for (const [ref, { state, tags }] of Object.entries(stored)) {
      const policy = policyOf(ref);
      if (!policy) continue;
      const known = new Map(Object.entries(tags) as [Oid, Oid][]);
      this.#refs.set(ref, { governed: new GovernedRef(policy, state), policy, tags: known, isSeated: false });
    }
  }

  get refs(): readonly string[] {
    return [...this.#refs.keys()];
  }

  governed(ref: string): GovernedRef | undefined {
    return this.#refs.get(ref)?.governed;
  }

  policy(ref: string): Policy | undefined {
    return this.#refs.get(ref)?.policy ?? this.#policyOf(ref);
  }

  /** The keys of all instances. */
  get instances(): readonly string[] {
    return [SILENT, ...this.#seats.keys()];
  }

  /** Goes on by the policies that are in force now; a ref without one is where the git server has it. */
  *renew(now: number): Iterable<RefChanges> {
    for (const [ref, { governed, tags }] of this.#refs) {
      const policy = this.#policyOf(ref);
      if (policy) {
        this.#refs.set(ref, { governed: new GovernedRef(policy, governed.state()), policy, tags, isSeated: false });
        yield* this.#seat(ref, now);
      } else this.#refs.delete(ref);
    }
  }

  /** Makes the instances that are there known to a ref that is governed since now. */
  *#seat(ref: string, now: number): Iterable<RefChanges> {
    const entry = this.#refs.get(ref);
    if (!entry || entry.isSeated) return;
    entry.isSeated = true;
    const silent = { key: SILENT, name: SILENT, labels: {}, connected: true, silent: true };
    yield [ref, entry.governed.joined(silent, now)];
    for (const [key, seat] of this.#seats)
      if (follows(seat, ref)) yield [ref, entry.governed.joined(instanceOf(key, seat, ref), now)];
  }

  /** `ref` is where the git server has it; nothing when no policy is about it. */
  *pushed(ref: AdvertisedRef, facts: PushFacts, now: number): Iterable<RefChanges> {
    const policy = this.#policyOf(ref.name);
    if (!policy) return;
    const entry = this.#refs.get(ref.name) ?? {
      governed: new GovernedRef(policy, undefined),
      policy,
      tags: new Map(),
      isSeated: false,
    };
    this.#refs.set(ref.name, entry);
    if (ref.peeledOid) {
      entry.tags.set(ref.peeledOid, ref.oid);
      for (const oldest of entry.tags.keys()) if (entry.tags.size > MOST_TAGS) entry.tags.delete(oldest);
    }
    yield [ref.name, entry.governed.pushed(commitOf(ref), facts, now)];
    yield* this.#seat(ref.name, now);
  }

  /** A stream of an instance opened. @param refs full names of those that it follows */
  *join(key: string, report: Report, refs: readonly string[], now: number): Iterable<RefChanges> {
    const seat: Seat = this.#seats.get(key) ?? { name: report.instance, streams: new Map() };
    this.#seats.set(key, seat);
    const before = report.replaces === undefined ? undefined : seat.streams.get(report.replaces);
    if (report.replaces !== undefined) seat.streams.delete(report.replaces);
    seat.streams.set(report.stream, { report, refs });
    for (const [ref, governed] of this.#governedOf(refs)) yield [ref, governed.joined(instanceOf(key, seat, ref), now)];
    yield* this.#without(key, seat, before?.refs.filter((ref) => !refs.includes(ref)) ?? [], now);
  }

  /** What streams that are open say of their instances, in the order in which it came. */
  *reports(all: readonly KeyedReport[], now: number): Iterable<RefChanges> {
    const reported = new Map<string, Map<string, Seat>>();
    for (const { key, report } of all) {
      const seat = this.#seats.get(key);
      const stream = seat?.streams.get(report.stream);
      if (!seat || !stream) continue;
      const { refs } = stream;
      seat.streams.set(report.stream, { report, refs });
      for (const ref of refs) reported.set(ref, (reported.get(ref) ?? new Map<string, Seat>()).set(key, seat));
    }
    for (const [ref, governed] of this.#governedOf([...reported.keys()])) {
      const seats = [...(reported.get(ref) ?? [])];
      yield [
        ref,
        governed.reported(
          seats.map(([key, seat]) => instanceOf(key, seat, ref)),
          now,
        ),
      ];
    }
  }

  *leave(key: string, stream: string, now: number): Iterable<RefChanges> {
    const seat = this.#seats.get(key);
    const gone = seat?.streams.get(stream);
    if (!seat || !gone) return;
    seat.streams.delete(stream);
    if (seat.streams.size === 0) this.#seats.delete(key);
    yield* this.#without(key, seat, gone.refs, now);
  }

  *tick(now: number): Iterable<RefChanges> {
    for (const [ref, { governed }] of this.#refs) {
      const next = governed.nextTick();
      if (next !== undefined && next <= now) yield [ref, governed.tick(now)];
    }
  }

  /**
   * What an instance may see, among what its principal may see.
   * @param refs full names of those that it follows; undefined for all
   */
  viewOf(key: string, from: RefView, refs: readonly string[] | undefined): RefView {
    const placed = new Map<string, AdvertisedRef>();
    for (const ref of refs ?? this.#refs.keys()) {
      const entry = this.#refs.get(ref);
      const oid = entry?.governed.target(key);
      if (!entry || oid === undefined || !from.shows(ref)) continue;
      const tag = entry.tags.get(oid);
      placed.set(ref, { name: ref, oid: tag ?? oid, ...(tag && { peeledOid: oid }), isReleased: true });
    }
    return releasedView(from, placed);
  }

  /** Commits that instances may be shown, or may be shown again, by ref. */
  kept(): Iterable<readonly [ref: string, oids: readonly Oid[]]> {
    return keptCommits(this.stored());
  }

  stored(): StoredRefs {
    const entries = [...this.#refs].map(([ref, { governed, tags }]) => {
      const state = governed.state();
      const silent = governed.target(SILENT);
      const differs = silent !== undefined && silent !== state.completed?.oid;
      return [ref, { state, tags: Object.fromEntries(tags), ...(differs && { silent }) }] as const;
    });
    return Object.fromEntries(entries);
  }

  /** A stream of an instance no longer follows `refs`; another one of it may. */
  *#without(key: string, seat: Seat, refs: readonly string[], now: number): Iterable<RefChanges> {
    for (const [ref, governed] of this.#governedOf(refs)) {
      const isLeft = !follows(seat, ref);
      yield [ref, isLeft ? governed.left(key, now) : governed.reported([instanceOf(key, seat, ref)], now)];
    }
  }

  *#governedOf(refs: readonly string[]): Iterable<readonly [ref: string, governed: GovernedRef]> {
    for (const ref of refs) {
      const entry = this.#refs.get(ref);
      if (entry) yield [ref, entry.governed];
    }
  }
}

/** Commits that instances may be shown, or may be shown again, by ref. */
export function* keptCommits(stored: StoredRefs): Iterable<readonly [ref: string, oids: readonly Oid[]]> {
  for (const [ref, { state, tags }] of Object.entries(stored)) {
    const { completed, rollout, queue, history, members } = state;
    const oids = [completed?.oid, rollout?.oid, ...queue.map(({ oid }) => oid), ...history];
    const all = new Set([...oids, ...members.map(({ target }) => target)].filter((oid) => oid !== undefined));
    yield [ref, [...all].flatMap((oid) => [oid, tags[oid] ?? oid])];
  }
}

/** Several streams under one name are one instance, which is where all of them are. */
function instanceOf(key: string, { name, streams }: Seat, ref: string): Instance {
  const all = [...streams.values()].filter(({ refs }) => refs.includes(ref)).map(({ report }) => report);
  const labels = Object.assign({}, ...all.map((report) => report.labels ?? {})) as Readonly<Record<string, string>>;
  const published = all.map((report) => revisionOf(report.published, ref));
  const [first, ...others] = published;
  const run = all.map((report) => runOf(report, ref)).find((each) => each !== undefined);
  return {
    ...{ key, name, labels, connected: true },
    published: others.every((oid) => oid === first) ? first : undefined,
    running: run,
    // A sync without a process reports failures, too.
    runs: all.some(({ running, process }) => running !== undefined || process !== undefined),
  };
}

function follows({ streams }: Seat, ref: string): boolean {
  return [...streams.values()].some(({ refs }) => refs.includes(ref));
}

/** `HEAD` is followed as the branch that it names, and reported by its own name. */
function revisionOf(revision: { readonly ref: string; readonly oid: Oid } | undefined, ref: string): Oid | undefined {
  return revision && (revision.ref === ref || revision.ref === 'HEAD') ? revision.oid : undefined;
}

/** A failure stays one, whatever else the process does, until the instance publishes something else. */
function runOf(report: Report, ref: string): InstanceRun | undefined {
  const { running, failed, published, process } = report;
  const failure = revisionOf(failed, ref);
  if (failure && failure === published?.oid) {
    const isBack = running !== undefined && running.oid !== failure;
    return { oid: failure, state: isBack ? 'rolled-back' : 'failed', detail: failed?.reason };
  }
  // Older releases say only what runs, and mean that it is ready.
  const oid = revisionOf(process?.of ?? running, ref);
  if (!process || !oid) return oid && { oid, state: 'ready' };
  return { oid, state: process.state, ended: process.ended, detail: process.reason };
}

/** The refs that are followed with these names, which may be `HEAD`. */
export function followedRefs(names: readonly string[], refs: Refs): string[] {
  return names.map((name) => refs.get(name)?.symref ?? name);
}
