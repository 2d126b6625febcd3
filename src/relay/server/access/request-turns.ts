import { FairQueue } from '../../../platform/fair-queue.ts';

export interface RequestTurnsOptions {
  /** Whether another owner than this one uses the relay at the moment. */
  readonly isShared: (owner: string) => boolean;
  /** Calls back in the next round of the event loop, after what arrived meanwhile was read. */
  readonly nextRound: (go: () => void) => void;
}

/** Requests that are begun in one round of the event loop. */
const MOST_IN_A_ROUND = 4;

/**
 * Begins requests a few at a time, owners in turns, and lets the event loop go round in between. Without it all
 * requests that arrived together are begun in their order, so one request waits for the work of all that a busy client
 * sent before it. The main thread is never idle while a request waits. An owner that is alone never waits.
 */
export class RequestTurns {
  readonly #options: RequestTurnsOptions;
  readonly #waiting = new FairQueue<() => void>();
  #begun = 0;
  #isRoundPending = false;

  constructor(options: RequestTurnsOptions) {
    this.#options = options;
  }

  /** Resolves when a request of `owner` may begin. */
  async take(owner: string): Promise<void> {
    if (!this.#options.isShared(owner)) return;
    this.#awaitRound();
    if (this.#begun < MOST_IN_A_ROUND && this.#waiting.size === 0) this.#begun += 1;
    else await new Promise<void>((resolve) => this.#waiting.add(owner, '', resolve));
  }

  #awaitRound(): void {
    if (this.#isRoundPending) return;
    this.#isRoundPending = true;
    this.#options.nextRound(() => this.#round());
  }

  #round(): void {
    this.#isRoundPending = false;
    this.#begun = 0;
    for (; this.#begun < MOST_IN_A_ROUND; this.#begun += 1) {
      const next = this.#waiting.next();
      if (!next) return;
      if (this.#begun === 0) this.#awaitRound();
      next.item();
    }
  }
}
