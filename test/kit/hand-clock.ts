import type { Clock } from '../../src/platform/clock.ts';

/** A clock that moves when the test says so; sleepers wake in their order. */
export class HandClock implements Clock {
  #at = 1_000_000;
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#at;
  }

  monotonic(): number {
    return this.#at;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#sleepers.push({ until: this.#at + ms, wake: resolve });
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async advance(ms: number): Promise<void> {
    this.#at += ms;
    const due = this.#sleepers.filter(({ until }) => until <= this.#at).sort((a, b) => a.until - b.until);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#at);
    for (const { wake } of due) wake();
    await new Promise((done) => setImmediate(done));
  }
}
