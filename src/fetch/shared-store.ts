import type { GcMode } from '../config/sync-config.ts';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, objectFormatOf } from '../model/oid.ts';
import type { Clock } from '../platform/clock.ts';
import { GarbageCollector } from './collect-garbage.ts';
import { JoinedFetches, type JoinedOutcome } from './joined-fetches.ts';
import type { StoreAccess } from './store-access.ts';
import { fetchForAll, type Wanted } from './store-fetch.ts';
import type { StoreRepository } from './store-repository.ts';

/** A unit whose repository borrows its objects from the store. */
export interface Borrower {
  /** Unique among those of the store; a DNS label. */
  readonly unit: string;
  /** Commits that its repository cannot do without. */
  needs(): Promise<readonly Oid[]>;
  /** One that it was able to check out. */
  published(): Oid | undefined;
  /** What it is about to want, as far as somebody else’s question to the git server has shown it. */
  expected(): Oid | undefined;
}

export interface Brought {
  /** The commit that was wanted, or what its ref has become meanwhile. */
  readonly oid: Oid;
  /** Objects that came for it alone, where that is known. */
  readonly objects: number | undefined;
}

/** One unit’s part in a store. */
export interface Borrowing {
  /**
   * Brings a commit into the store, which keeps it until the unit needs it no longer.
   * @throws SidecarError ERR_REMOTE_*, ERR_FETCH_*, ERR_GIT_*, ERR_PATH_*
   */
  bring(want: { readonly oid: Oid; readonly ref: string }, access: StoreAccess, signal: AbortSignal): Promise<Brought>;
  /** @returns false when it has to be called again later */
  collectGarbage(mode: GcMode, git: Git, signal: AbortSignal): Promise<boolean>;
  leave(): void;
}

interface Member {
  readonly borrower: Borrower;
  /** Commits that were brought for it last: it may not have noted them yet. */
  coming: readonly Oid[];
}

interface Wish extends Wanted {
  readonly member: Member;
}

/** A unit that is started again, or waits to be, is back before this time. */
const ABSENT_MS = 600_000;
/** Garbage is collected at last, however often somebody fetches. */
const MOST_INTERRUPTIONS = 3;

/**
 * The objects of one repository, once for all units that follow refs of it. Units that want commits at about the same
 * time are served by one fetch, and a fetch brings along what the others are about to want.
 */
export class SharedStore {
  readonly #repository: StoreRepository;
  readonly #depth: number;
  readonly #clock: Clock;
  readonly #fetches = new JoinedFetches<Wish, Brought>();
  readonly #members = new Set<Member>();
  readonly #absentSince = new Map<string, number>();
  readonly #collector = new GarbageCollector();
  #collecting: AbortController | undefined;
  #interruptions = 0;
  /** Something came or went since garbage was looked for. */
  #isDirty = true;

  constructor(repository: StoreRepository, depth: number, clock: Clock) {
    this.#repository = repository;
    this.#depth = depth;
    this.#clock = clock;
  }

  join(borrower: Borrower): Borrowing {
    const member: Member = { borrower, coming: [] };
    this.#members.add(member);
    return {
      bring: async ({ oid, ref }, access, signal) => {
        if (this.#interruptions < MOST_INTERRUPTIONS) this.#collecting?.abort();
        const wish: Wish = { member, unit: borrower.unit, oid, ref };
        const fetch = async (wishes: readonly Wish[]): Promise<JoinedOutcome<Wish, Brought>> =>
          await this.#fetch(wishes, access, signal);
        return await this.#fetches.join(wish, fetch, signal);
      },
      collectGarbage: async (mode, git, signal) => {
        // Whoever fetches would let this unit wait, and brings more.
        if (this.#fetches.isBusy) return false;
        return await this.#fetches.alone(async () => await this.#collectUnlessNeeded(mode, git, signal), signal);
      },
      leave: () => void this.#members.delete(member),
    };
  }

  async #fetch(
    wishes: readonly Wish[],
    access: StoreAccess,
    signal: AbortSignal,
  ): Promise<JoinedOutcome<Wish, Brought>> {
    const repository = this.#repository;
    const [first] = wishes;
    if (!first) return { results: new Map() };
    const objectFormat = objectFormatOf(first.oid);
    const attempt = async (): Promise<JoinedOutcome<Wish, Brought>> => {
      await repository.ensure(objectFormat, access.git, signal);
      return await this.#bring(wishes, access, signal);
    };
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || !(error instanceof SidecarError)) throw error;
      if (!error.facts.suspect && !error.is('locked', 'killed', 'out-of-memory')) throw error;
      if (error.facts.suspect) repository.suspect();
      const before = repository.identity;
      await repository.ensure(objectFormat, access.git, signal);
      if (error.facts.suspect && repository.identity === before) throw error;
      return await attempt();
    }
  }

  async #bring(
    wishes: readonly Wish[],
    access: StoreAccess,
    signal: AbortSignal,
  ): Promise<JoinedOutcome<Wish, Brought>> {
    const { held } = this.#repository;
    const lacking = wishes.filter(({ oid }) => !held.has(oid));
    const extra = lacking.length === 0 ? [] : this.#expected(wishes);
    const wanted: readonly Wanted[] = [...lacking, ...extra];
    const haves = [...this.#members].flatMap(({ borrower }) => borrower.published() ?? []);
    const fetched = await fetchForAll(this.#repository, access, {
      wanted,
      optional: new Set(extra),
      haves: [...new Set(haves)].filter((oid) => held.has(oid)),
      depth: this.#depth,
      signal,
    });
    const results = new Map<Wish, { readonly result: Brought } | { readonly error: unknown }>();
    for (const wish of wishes) {
      const one = fetched.get(wish) ?? { oid: wish.oid, objects: undefined };
      results.set(wish, 'error' in one ? one : { result: one });
      if ('oid' in one) noteComing(wish.member, one.oid);
    }
    for (const wish of extra) if ('oid' in (fetched.get(wish) ?? {})) noteComing(wish.member, wish.oid);
    if (wanted.length > 0) this.#isDirty = true;
    await this.#settle(access.git, signal);
    return { results };
  }

  /** What members that have not asked yet will want, each commit once. */
  #expected(wishes: readonly Wish[]): Wish[] {
    const asked = new Set(wishes.map(({ member }) => member));
    const known = new Set(wishes.map(({ oid }) => oid));
    const extra: Wish[] = [];
    for (const member of this.#members) {
      const oid = asked.has(member) ? undefined : member.borrower.expected();
      if (!oid || known.has(oid) || this.#repository.held.has(oid)) continue;
      known.add(oid);
      extra.push({ member, unit: member.borrower.unit, oid, ref: undefined });
    }
    return extra;
  }

  /**
   * Lets the refs keep what is needed now, and nothing else.
   * @returns whether something is kept no longer
   */
  async #settle(git: Git, signal: AbortSignal): Promise<boolean> {
    const repository = this.#repository;
    const { held } = repository;
    const wanted = new Map<string, ReadonlySet<Oid>>();
    for (const { borrower, coming } of this.#members) {
      const needs = await borrower.needs().catch(() => [...held.by(borrower.unit)]);
      wanted.set(borrower.unit, new Set([...coming, ...needs]));
    }
    for (const unit of this.#gone()) wanted.set(unit, new Set());
    const unknown = [...new Set([...wanted.values()].flatMap((each) => [...each]))].filter((oid) => !held.has(oid));
    const present = await repository.present(git, unknown, signal);
    const isHere = (oid: Oid): boolean => present.has(oid) || !unknown.includes(oid);
    const lines = [...wanted].flatMap(([unit, oids]) => held.replace(unit, new Set([...oids].filter(isHere))));
    if (lines.length === 0) return false;
    const options = { op: 'move the refs of', stdin: lines.join(''), signal };
    await repository.run(git, ['update-ref', '--stdin'], options);
    return lines.some((line) => line.startsWith('delete'));
  }

  /** Units that have been absent for so long that they will not come back. */
  #gone(): string[] {
    const now = this.#clock.monotonic();
    const here = new Set([...this.#members].map(({ borrower }) => borrower.unit));
    for (const unit of here) this.#absentSince.delete(unit);
    return this.#repository.held.units.filter((unit) => {
      if (here.has(unit)) return false;
      const since = this.#absentSince.get(unit) ?? now;
      this.#absentSince.set(unit, since);
      return now - since >= ABSENT_MS;
    });
  }

  /** Nobody waits for a large repack, unless it has had to make way too often. */
  async #collectUnlessNeeded(mode: GcMode, git: Git, signal: AbortSignal): Promise<boolean> {
    const collecting = new AbortController();
    this.#collecting = collecting;
    try {
      const isDone = await this.#collect(mode, git, AbortSignal.any([signal, collecting.signal]));
      this.#interruptions = 0;
      return isDone;
    } catch (error) {
      if (signal.aborted || !collecting.signal.aborted) throw error;
      this.#interruptions += 1;
      return false;
    } finally {
      this.#collecting = undefined;
    }
  }

  async #collect(mode: GcMode, git: Git, signal: AbortSignal): Promise<boolean> {
    const repository = this.#repository;
    if (mode === 'off' || !(await repository.isUsable(git, signal))) return true;
    if (await this.#settle(git, signal)) this.#isDirty = true;
    if (!this.#isDirty) return true;
    const { gitDir } = repository;
    const isDone = await this.#collector.collect({
      git: repository.lend(git),
      gitDir,
      mode,
      signal,
      clock: this.#clock,
    });
    if (isDone) this.#isDirty = false;
    return isDone;
  }
}

function noteComing(member: Member, oid: Oid): void {
  const [last] = member.coming.slice(-1);
  if (last !== oid) member.coming = last === undefined ? [oid] : [last, oid];
}
