import type { Oid } from '../../../model/oid.ts';
import type { Member } from './member.ts';

/** What `GET /fleet` shows of a rollout. Times are ISO 8601, durations milliseconds. */
export interface RolloutDocument {
  readonly ref: string;
  readonly oid: Oid;
  readonly at: string;
  readonly instances: number;
  readonly done: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly slowestMs: number | null;
  /** When the last of them was done; null while one of them is not. */
  readonly completeAt: string | null;
}

/** So many durations are kept exactly; with more, new ones take the places of old ones. */
const MOST_SAMPLES = 4096;
/** Odd, so that it reaches every place, and large, so that neighbours go far from each other. */
const STRIDE = 2_654_435_761;

function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

/**
 * One ref that moved, and which instances followed. Its memory is bounded by the streams that are open. Times are
 * milliseconds.
 */
export class Rollout {
  readonly ref: string;
  readonly oid: Oid;
  readonly #at: number;
  /** Open streams that have not followed yet. */
  readonly #waiting: Set<Member>;
  readonly #samples: number[] = [];
  #done = 0;
  /** Those that had not followed when the ref moved again. */
  #overtaken = 0;
  #slowestMs = 0;
  #lastAt: number | undefined;
  /** Until something changes: sorting the durations takes its time. */
  #described: RolloutDocument | undefined;

  constructor(ref: string, oid: Oid, at: number, streams: Iterable<Member>) {
    this.ref = ref;
    this.oid = oid;
    this.#at = at;
    this.#waiting = new Set(streams);
  }

  /** `member` publishes this revision. @returns how long that took */
  followed(member: Member, now: number): number {
    const ms = Math.max(0, now - this.#at);
    this.#waiting.delete(member);
    this.#samples[this.#done < MOST_SAMPLES ? this.#done : (this.#done * STRIDE) % MOST_SAMPLES] = ms;
    this.#done += 1;
    this.#slowestMs = Math.max(this.#slowestMs, ms);
    this.#lastAt = now;
    this.#described = undefined;
    return ms;
  }

  /** `member` is no longer waited for: it is gone, or follows another ref. */
  dismiss(member: Member): void {
    if (this.#waiting.delete(member)) this.#described = undefined;
  }

  /** The ref moved again: what is still open of this rollout never comes. */
  overtake(): void {
    this.#overtaken += this.#waiting.size;
    this.#waiting.clear();
    this.#described = undefined;
  }

  describe(): RolloutDocument {
    this.#described ??= this.#describe();
    return this.#described;
  }

  #describe(): RolloutDocument {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const missing = this.#waiting.size + this.#overtaken;
    const completeAt = missing === 0 ? this.#lastAt : undefined;
    return {
      ref: this.ref,
      oid: this.oid,
      at: new Date(this.#at).toISOString(),
      instances: this.#done + missing,
      done: this.#done,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      slowestMs: this.#done === 0 ? null : this.#slowestMs,
      completeAt: completeAt === undefined ? null : new Date(completeAt).toISOString(),
    };
  }
}
