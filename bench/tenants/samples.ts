/** Times in milliseconds, each with when it was taken, and failures by what they were. */
export class Samples {
  readonly #taken: { readonly at: number; readonly ms: number }[] = [];
  readonly failures = new Map<string, number>();

  add(ms: number): void {
    this.#taken.push({ at: performance.now(), ms });
  }

  fail(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  get count(): number {
    return this.#taken.length;
  }

  /** @param part between 0 and 1 @returns the value below which that part of the times lies; NaN without any */
  quantile(part: number, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): number {
    const sorted = this.#taken
      .filter(({ at }) => at >= from && at < to)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  }
}
