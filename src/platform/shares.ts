/**
 * Knows which owner holds how many places of a limited number. An owner who is alone may have all of them. When all are
 * taken, the owner with the most gives one to an owner with fewer, until their numbers are equal. So no owner with less
 * than an equal share is refused.
 */
export class Shares {
  readonly most: number;
  readonly #held = new Map<string, number>();
  /** Owners by the number that they hold. */
  readonly #byCount = new Map<number, Set<string>>();
  #largest = 0;
  #total = 0;

  constructor(most: number) {
    this.most = most;
  }

  get total(): number {
    return this.#total;
  }

  get isFull(): boolean {
    return this.#total >= this.most;
  }

  of(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }

  /** The owner who has to give one up before `owner` may have one more; undefined: no owner holds so many more. */
  rivalOf(owner: string): string | undefined {
    if (this.#largest <= this.of(owner) + 1) return undefined;
    const [first] = this.#byCount.get(this.#largest) ?? [];
    return first;
  }

  add(owner: string): void {
    this.#move(owner, 1);
  }

  remove(owner: string): void {
    if (this.of(owner) > 0) this.#move(owner, -1);
  }

  #move(owner: string, step: 1 | -1): void {
    const before = this.of(owner);
    const after = before + step;
    const peers = this.#byCount.get(before);
    peers?.delete(owner);
    if (peers?.size === 0) this.#byCount.delete(before);
    if (after === 0) this.#held.delete(owner);
    else {
      this.#held.set(owner, after);
      const next = this.#byCount.get(after) ?? new Set();
      this.#byCount.set(after, next.add(owner));
    }
    this.#total += step;
    if (after > this.#largest || (before === this.#largest && !this.#byCount.has(before))) this.#largest = after;
  }
}
