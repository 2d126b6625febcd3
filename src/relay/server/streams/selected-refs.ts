import type { Clock } from '../../../platform/clock.ts';
import { FairRate } from '../../../platform/fair-rate.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { WantedView } from './wanted-view.ts';

/** Refs that are looked at in a second because of searches: about a tenth of a core. */
const LOOKED_AT_PER_SECOND = 100_000;
/** So many seconds of that may come at once. */
const SAVED_SECONDS = 5;
/** What was found is remembered for so many searches in the same refs. */
const MOST_REMEMBERED = 64;

/** What views select. A search looks at all refs, and there may be very many: it is done once, and its owner pays for it. */
export class SelectedRefs {
  readonly #rate: FairRate;
  /** Refs are never changed in place. */
  readonly #found = new WeakMap<Refs, Map<string, Refs>>();

  constructor(clock: Clock) {
    this.#rate = new FairRate(clock, LOOKED_AT_PER_SECOND);
  }

  select(refs: Refs, wanted: WantedView): Refs {
    if (!wanted.isSearch) return wanted.select(refs);
    const found = this.#found.get(refs) ?? new Map<string, Refs>();
    this.#found.set(refs, found);
    const known = found.get(wanted.id);
    if (known) return known;
    if (found.size >= MOST_REMEMBERED) found.clear();
    const selected = wanted.select(refs);
    found.set(wanted.id, selected);
    return selected;
  }

  /** @returns false when `owner` has to come again later; otherwise it has paid for one search */
  mayLook(owner: string, refs: Refs, { id }: WantedView): boolean {
    if (this.#found.get(refs)?.has(id)) return true;
    if (this.#rate.isOver(owner, SAVED_SECONDS * LOOKED_AT_PER_SECOND)) return false;
    this.#rate.charge(owner, refs.size);
    return true;
  }
}
