/**
 * Gives each owner one turn after the other, and within an owner each of its groups. Whatever the others put in, the
 * first item of an owner comes after at most one item of each other owner.
 */
export class FairQueue<T> {
  /** In the order of their turns; so are the groups of each. */
  readonly #owners = new Map<string, Map<string, Set<T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Owners that have something in the queue. */
  get owners(): number {
    return this.#owners.size;
  }

  /** Items of `owner`. */
  of(owner: string): number {
    let sum = 0;
    for (const items of this.#owners.get(owner)?.values() ?? []) sum += items.size;
    return sum;
  }

  add(owner: string, group: string, item: T): void {
    const groups = this.#owners.get(owner) ?? new Map<string, Set<T>>();
    this.#owners.set(owner, groups);
    const items = groups.get(group) ?? new Set();
    groups.set(group, items.add(item));
    this.#size += 1;
  }

  /** @param isReady whether an owner may have a turn now; the others keep their places */
  next(isReady: (owner: string) => boolean = () => true): { readonly owner: string; readonly item: T } | undefined {
    for (const [owner, groups] of this.#owners) {
      if (!isReady(owner)) continue;
      for (const [group, items] of groups) {
        for (const item of items) {
          this.#owners.delete(owner);
          groups.delete(group);
          items.delete(item);
          // Both go to the end of their lines.
          if (items.size > 0) groups.set(group, items);
          if (groups.size > 0) this.#owners.set(owner, groups);
          this.#size -= 1;
          return { owner, item };
        }
      }
    }
    return undefined;
  }

  /** Does nothing when it is gone already. */
  remove(owner: string, group: string, item: T): void {
    const groups = this.#owners.get(owner);
    const items = groups?.get(group);
    if (!groups || !items?.delete(item)) return;
    this.#size -= 1;
    if (items.size === 0) groups.delete(group);
    if (groups.size === 0) this.#owners.delete(owner);
  }
}
