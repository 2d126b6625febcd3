import { FairQueue } from './fair-queue.ts';

/** A single owner may have three quarters of the places, two of them three sevenths each, and so on. */
const GREED = 3;

/** Whether an owner may hold `held` where that leaves `free` to the others. */
export function isWithinShare(held: number, free: number): boolean {
  return held <= GREED * free;
}

/**
 * Places for work that cannot be asked to give way. One place is every owner's right, of more it may have three times
 * as many as that leaves free. So each owner that wants all of them takes three quarters of what those before it left:
 * `n` of them leave a place for a new owner where there are more than 4ⁿ⁻¹ places.
 */
export class FairRoom {
  readonly #most: () => number;
  readonly #mostOf: (owner: string) => number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new FairQueue<(leave: () => void) => void>();
  #all = 0;

  /** @param mostOf how many of them `owner` may have at present besides, 1 at least; what it has already stays its own */
  constructor(most: () => number, mostOf: (owner: string) => number = () => Number.POSITIVE_INFINITY) {
    this.#most = most;
    this.#mostOf = mostOf;
  }

  /** Places that `owner` has. */
  heldBy(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }

  /** @returns what gives the place back, once however often it is called; undefined when `owner` has its share */
  tryEnter(owner: string): (() => void) | undefined {
    return this.hasRoomFor(owner) ? this.#enter(owner) : undefined;
  }

  /**
   * Waits for a place. Those who wait get turns by owner, then by group.
   * @returns what gives the place back; undefined when `signal` aborted
   */
  async enter(owner: string, group: string, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    const now = this.tryEnter(owner);
    if (now) return now;
    return await new Promise((resolve) => {
      const go = (leave: () => void): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(leave);
      };
      const giveUp = (): void => {
        this.#waiting.remove(owner, group, go);
        resolve(undefined);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(owner, group, go);
    });
  }

  hasRoomFor(owner: string): boolean {
    const held = this.heldBy(owner);
    const left = this.#most() - this.#all - 1;
    if (left < 0 || held >= this.#mostOf(owner)) return false;
    return held === 0 || isWithinShare(held + 1, left);
  }

  #enter(owner: string): () => void {
    this.#all += 1;
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#leave(owner);
    };
  }

  #leave(owner: string): void {
    this.#all -= 1;
    const left = (this.#held.get(owner) ?? 1) - 1;
    if (left > 0) this.#held.set(owner, left);
    else this.#held.delete(owner);
    for (;;) {
      const next = this.#waiting.next((each) => this.hasRoomFor(each));
      if (!next) return;
      next.item(this.#enter(next.owner));
    }
  }
}
