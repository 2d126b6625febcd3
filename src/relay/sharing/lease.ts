import type { Clock } from '../../platform/clock.ts';
import type { Bucket } from './bucket.ts';

export interface LeaseOptions {
  readonly bucket: Bucket;
  readonly key: string;
  /** A name of this process that no other one has. */
  readonly holder: string;
  /** The digest of the policies of this relay; all others see that of the one that decides. */
  readonly policies: () => string;
  /** So long after its last sign of life a holder has lost the lease. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

/** The lease as it is in the bucket. */
interface LeaseValue {
  readonly holder: string;
  readonly policies: string;
  /** The holder gave it back. */
  readonly isOver: boolean;
}

/** The holder stops so much before others may take the lease: no two clocks run at quite the same rate. */
const SAFE_SHARE = 0.8;

function readValue(value: Uint8Array): LeaseValue | undefined {
  try {
    const { holder, policies, over } = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>;
    if (typeof holder !== 'string' || typeof policies !== 'string') return undefined;
    return { holder, policies, isOver: over === true };
  } catch {
    return undefined;
  }
}

/**
 * Says which relay of a group decides. A relay compares no clock with that of another one: a lease is over when its
 * revision stays the same for a whole TTL on the clock of whoever looks. What a former holder writes too late is
 * refused by the revisions of what it writes, so nothing depends on the clocks but how soon the next one goes on.
 */
export class Lease {
  readonly #options: LeaseOptions;
  /** What was seen last, and when it was seen first; on the monotonic clock. */
  #seen: { readonly revision: number; readonly value: LeaseValue | undefined; readonly at: number } | undefined;
  #heldFrom: number | undefined;
  #term = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** This relay decides, as far as its own clock can say. */
  get isHeld(): boolean {
    const { clock, ttlMs } = this.#options;
    return this.#heldFrom !== undefined && clock.monotonic() < this.#heldFrom + ttlMs * SAFE_SHARE;
  }

  /** Another one each time that this relay takes the lease. */
  get term(): number {
    return this.#term;
  }

  /** Who decides; undefined: nobody, or it cannot be seen. */
  get decider(): string | undefined {
    const { clock, ttlMs, holder } = this.#options;
    if (this.isHeld) return holder;
    const { value, at } = this.#seen ?? { at: 0 };
    if (!value || value.isOver || value.holder === holder || clock.monotonic() >= at + ttlMs) return undefined;
    return value.holder;
  }

  /** The digest of the policies of the relay that decides, or decided last; undefined: none was ever seen. */
  get policies(): string | undefined {
    return this.#seen?.value?.policies;
  }

  /**
   * Renews the lease, or takes it when it is over. To be called several times in a TTL.
   * @param mayTake whether this relay wants it
   * @throws when the bucket cannot be reached
   */
  async turn(mayTake: boolean): Promise<void> {
    const { bucket, key, holder, clock, ttlMs } = this.#options;
    const kept = await bucket.read(key);
    const revision = kept?.revision ?? 0;
    const value = kept && readValue(kept.value);
    if (!this.#seen || this.#seen.revision !== revision) this.#seen = { revision, value, at: clock.monotonic() };
    const isOwn = value?.holder === holder && !value.isOver;
    if (!isOwn) this.#heldFrom = undefined;
    const isOver = !value || value.isOver || clock.monotonic() - this.#seen.at >= ttlMs;
    if (!mayTake || !(isOwn || isOver)) return;
    const startedAt = clock.monotonic();
    const written = await this.#write(false, revision);
    if (written === undefined) {
      this.#heldFrom = undefined;
      return;
    }
    if (!isOwn) this.#term += 1;
    this.#heldFrom = startedAt;
  }

  /** Lets the next one begin at once. @throws when the bucket cannot be reached */
  async giveUp(): Promise<void> {
    const { holder } = this.#options;
    this.#heldFrom = undefined;
    if (this.#seen?.value?.holder === holder) await this.#write(true, this.#seen.revision);
  }

  async #write(isOver: boolean, after: number): Promise<number | undefined> {
    const { bucket, key, clock, holder, policies } = this.#options;
    const value = { holder, policies: policies(), isOver };
    const text = JSON.stringify({ holder, policies: value.policies, ...(isOver && { over: true }) });
    const revision = await bucket.write(key, Buffer.from(text), after);
    if (revision !== undefined) this.#seen = { revision, value, at: clock.monotonic() };
    return revision;
  }
}
