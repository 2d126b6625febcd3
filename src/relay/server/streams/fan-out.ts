import { FairQueue } from '../../../platform/fair-queue.ts';

/** Receivers that get their bytes in one turn of an owner. */
const BATCH = 32;
/** Receivers that get theirs before other work goes on: a few milliseconds. */
const SLICE = 256;

interface Batch<T> {
  readonly receivers: readonly T[];
  readonly from: number;
  readonly send: (receiver: T) => void;
}

/**
 * Sends to very many receivers. Owners get turns, so that one with few receivers does not wait for all of one with very
 * many; and other work goes on in between. What one owner's receivers are sent keeps its order. The first receivers are
 * served before {@link FanOut.add} returns.
 */
export class FanOut<T> {
  readonly #waiting = new FairQueue<Batch<T>>();
  #isScheduled = false;

  /** @param send called for each of `receivers`, some of which may be gone by then */
  add(owner: string, receivers: readonly T[], send: (receiver: T) => void): void {
    for (let from = 0; from < receivers.length; from += BATCH) this.#waiting.add(owner, '', { receivers, from, send });
  }

  /** Serves those who wait; all of them have to be added first. */
  run(): void {
    if (this.#isScheduled) return;
    for (let sent = 0; sent < SLICE; ) {
      const next = this.#waiting.next();
      if (!next) return;
      const { receivers, from, send } = next.item;
      const batch = receivers.slice(from, from + BATCH);
      for (const receiver of batch) send(receiver);
      sent += batch.length;
    }
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.run();
    });
  }
}
