/** One answer for all who want the same thing while it is being found. */
export class Together<K, V> {
  readonly #underWay = new Map<K, Promise<V>>();

  /** @throws what `find` throws */
  async run(what: K, find: () => Promise<V>): Promise<V> {
    const known = this.#underWay.get(what);
    if (known) return await known;
    const found = find().finally(() => this.#underWay.delete(what));
    this.#underWay.set(what, found);
    return await found;
  }
}
