import { lstatSync } from 'node:fs';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { describeKept } from '../platform/remove-tree.ts';
import type { Kept } from '../platform/tree-removal.ts';

/** Trying to remove them may use this share of the time. */
const SHARE_OF_TIME = 0.01;
const SHORTEST_PAUSE_MS = 1000;

export interface RemovalResult {
  readonly path: string;
  readonly kept: readonly Kept[];
  /** When the removal started, on the monotonic clock. */
  readonly before: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What should be gone and cannot be removed, because something is mounted in it or a file is protected or in use. Each
 * is reported once, and tried again now and then.
 */
export class KeptTrees {
  readonly #nextTryAt = new Map<string, number>();

  has(path: string): boolean {
    return this.#nextTryAt.has(path);
  }

  /** Forgets those that are gone by now. */
  forgetGone(): void {
    for (const path of this.#nextTryAt.keys()) {
      if (!lstatSync(path, { throwIfNoEntry: false })) this.#nextTryAt.delete(path);
    }
  }

  /** It was tried a short while ago. */
  isResting(path: string, clock: Clock): boolean {
    return clock.monotonic() < (this.#nextTryAt.get(path) ?? 0);
  }

  /** Takes note of how a removal ended. @returns true when everything is gone */
  settle({ path, kept, before, clock, log }: RemovalResult): boolean {
    if (kept.length === 0) {
      this.#nextTryAt.delete(path);
      return true;
    }
    if (!this.has(path)) log.warn(`it is kept until it can be removed: ${describeKept(kept)}`, { path });
    const now = clock.monotonic();
    this.#nextTryAt.set(path, now + Math.max(SHORTEST_PAUSE_MS, (now - before) / SHARE_OF_TIME));
    return false;
  }
}
