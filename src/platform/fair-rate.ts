import type { Clock } from './clock.ts';

/** How often debts are paid back, at most, in milliseconds. */
const PAY_EVERY_MS = 10;
/** A single owner may take three quarters of what is there at once, two of them three sevenths each, and so on. */
const GREED = 3;

/**
 * So many a second in all. An owner who is alone gets all of it. Several who want more than there is get equal parts.
 * Something is always left for a new owner: each may run up a debt of at most three times what is free.
 */
export class FairRate {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #debts = new Map<string, number>();
  #debt = 0;
  #at: number;

  /** @param perSecond as many may also come at once after a pause */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#at = clock.monotonic();
  }

  /** @returns false when `owner` has to come again later */
  take(owner: string): boolean {
    this.#pay();
    const debt = this.#debts.get(owner) ?? 0;
    if (debt + 1 > GREED * (this.#perSecond - this.#debt)) return false;
    this.#debts.set(owner, debt + 1);
    this.#debt += 1;
    return true;
  }

  /** Work of `owner` cost so much; the cost was not known before. */
  charge(owner: string, amount: number): void {
    this.#pay();
    this.#debts.set(owner, (this.#debts.get(owner) ?? 0) + amount);
    this.#debt += amount;
  }

  /**
   * Whether `owner` has run up, with {@link charge}, more than its part of `most`; all owners with a debt have equal
   * parts.
   */
  isOver(owner: string, most: number): boolean {
    this.#pay();
    const debt = this.#debts.get(owner) ?? 0;
    return debt > most / Math.max(1, this.#debts.size);
  }

  /**
   * Pays debts with the time that passed, all owners the same amount; an owner with a smaller debt leaves the rest to
   * the others.
   */
  #pay(): void {
    const now = this.#clock.monotonic();
    if (now - this.#at < PAY_EVERY_MS) return;
    let left = ((now - this.#at) / 1000) * this.#perSecond;
    this.#at = now;
    while (this.#debts.size > 0 && left > 1e-6) {
      const part = left / this.#debts.size;
      for (const [owner, debt] of this.#debts) {
        const paid = Math.min(part, debt);
        left -= paid;
        this.#debt -= paid;
        if (debt - paid < 1e-6) this.#debts.delete(owner);
        else this.#debts.set(owner, debt - paid);
      }
    }
    if (this.#debts.size === 0) this.#debt = 0;
  }
}
