import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Refs } from '../../protocol/refs.ts';

/**
 * Which refs a relay nearer to the git server releases by stages. Mirrors keep only where refs are, and the instances
 * here have to know it all the same.
 */
export class ReleaseMarks {
  /** What that relay said last; the very same list while it says the same. */
  #told: readonly AdvertisedRef[] = [];
  #names: ReadonlySet<string> = new Set();
  /** Refs are never changed in place. */
  #marked = new WeakMap<Refs, Refs>();

  note(refs: readonly AdvertisedRef[]): void {
    if (refs === this.#told) return;
    this.#told = refs;
    const names = new Set(refs.filter(({ isReleased }) => isReleased).map(({ name }) => name));
    const isSame = names.size === this.#names.size && [...names].every((name) => this.#names.has(name));
    if (isSame) return;
    this.#names = names;
    this.#marked = new WeakMap();
  }

  /** @returns the very same map where nothing has to be marked */
  on(refs: Refs): Refs {
    if (this.#names.size === 0) return refs;
    const known = this.#marked.get(refs);
    if (known) return known;
    const mark = (ref: AdvertisedRef): AdvertisedRef =>
      this.#names.has(ref.name) ? { ...ref, isReleased: true } : ref;
    const marked = new Map([...refs].map(([name, ref]) => [name, mark(ref)]));
    this.#marked.set(refs, marked);
    return marked;
  }
}
