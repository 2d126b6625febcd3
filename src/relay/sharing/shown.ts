import { createHash } from 'node:crypto';
import type { Oid } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { SILENT } from '../server/rollouts/governed-repository.ts';
import type { StoredRef, StoredRefs } from '../server/rollouts/rollout-store.ts';
import { type RefView, releasedView } from '../server/streams/ref-view.ts';
import type { PolicyBook } from './policy-book.ts';

/** Where one governed ref is, for whom. */
interface Placed {
  readonly stored: StoredRef;
  readonly completed: Oid | undefined;
  /** By the key of the instance, where it is not the completed revision. */
  readonly targets: ReadonlyMap<string, Oid>;
}

interface ShownRepository {
  /** The digest of those by which it was decided. */
  readonly policies: string;
  readonly refs: ReadonlyMap<string, Placed>;
  /** Of the names of these refs, of which there may be many. */
  readonly digest: string;
  readonly stored: StoredRefs;
}

/** Whose view another record changes. */
export type Moved = 'everybody' | ReadonlySet<string>;

function place(stored: StoredRef): Placed {
  const { state, silent } = stored;
  const completed = state.completed?.oid;
  const targets = new Map<string, Oid>();
  for (const { key, target } of state.members) if (target !== completed) targets.set(key, target);
  if (silent !== undefined) targets.set(SILENT, silent);
  return { stored, completed, targets };
}

/** Keys of those who are shown something else. */
function movedBetween(before: Placed, after: Placed): Moved {
  if (before.completed !== after.completed) return 'everybody';
  const keys = new Set([...before.targets.keys(), ...after.targets.keys()]);
  return new Set([...keys].filter((key) => before.targets.get(key) !== after.targets.get(key)));
}

/** What was decided, by whichever relay, as this relay shows it to its instances. */
export class ShownDecisions {
  readonly #repositories = new Map<RepositoryName, ShownRepository>();
  readonly #policies: () => PolicyBook;
  readonly #decider: () => string | undefined;

  /** @param policies those of this relay @param decider the digest of those of the relay that decides, if it is known */
  constructor(policies: () => PolicyBook, decider: () => string | undefined) {
    this.#policies = policies;
    this.#decider = decider;
  }

  get names(): readonly RepositoryName[] {
    return [...this.#repositories.keys()];
  }

  of(name: RepositoryName): StoredRefs | undefined {
    return this.#repositories.get(name)?.stored;
  }

  /** Shows `refs` from now on. @param policies the digest of those by which it was decided */
  take(name: RepositoryName, refs: StoredRefs, policies: string): Moved {
    const before = this.#repositories.get(name);
    const after = new Map(Object.entries(refs).map(([ref, stored]) => [ref, place(stored)] as const));
    const digest = createHash('sha256')
      .update([...after.keys()].sort().join('\n'))
      .digest('hex');
    this.#repositories.set(name, { policies, refs: after, digest, stored: refs });
    if (!before || before.policies !== policies || before.digest !== digest) return 'everybody';
    const moved = new Set<string>();
    for (const [ref, now] of after) {
      const then = before.refs.get(ref);
      const some = then ? movedBetween(then, now) : 'everybody';
      if (some === 'everybody') return some;
      for (const key of some) moved.add(key);
    }
    return moved;
  }

  /** @param refs full names of those that the instance follows; undefined for all */
  viewOf(name: RepositoryName, key: string, from: RefView, refs: readonly string[] | undefined): RefView {
    const shown = this.#repositories.get(name);
    const book = this.#policies();
    if (!shown && !book.covers(name)) return from;
    const placed = new Map<string, AdvertisedRef>();
    for (const ref of refs ?? shown?.refs.keys() ?? []) {
      const entry = shown?.refs.get(ref);
      const oid = entry?.targets.get(key) ?? entry?.completed;
      if (!entry || oid === undefined || !from.shows(ref)) continue;
      const tag = entry.stored.tags[oid];
      placed.set(ref, { name: ref, oid: tag ?? oid, ...(tag && { peeledOid: oid }), isReleased: true });
    }
    const isUndecided = (ref: string): boolean => this.#isUndecided(name, shown, ref);
    const id = [this.#policiesOf(shown), book.digest, shown?.digest].join(' ');
    return releasedView(from, placed, { id, has: isUndecided });
  }

  /**
   * A policy is about the ref, and nobody has decided yet where it is: it is not shown. Where the relay that decides has
   * other policies, it knows better which refs these are about.
   */
  #isUndecided(name: RepositoryName, shown: ShownRepository | undefined, ref: string): boolean {
    // It is shown where it leads to a ref that is.
    if (ref === 'HEAD') return true;
    if (shown?.refs.get(ref)?.completed !== undefined) return false;
    const book = this.#policies();
    return this.#policiesOf(shown) === book.digest && book.policyOf(name, ref) !== undefined;
  }

  /** The digest of those by which it was decided, or will be as far as is known. */
  #policiesOf(shown: ShownRepository | undefined): string {
    return shown?.policies ?? this.#decider() ?? this.#policies().digest;
  }
}
