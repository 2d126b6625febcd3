import type { ServerResponse } from 'node:http';
import { drained } from '../../../platform/drained.ts';

export interface PaceLimits {
  /** A reader that takes nothing for so long is cut off. */
  readonly silentMs: number;
  /** The rate is looked at after so much time in which it was waited for. */
  readonly windowMs: number;
  readonly leastBytesPerSecond: number;
}

/**
 * A line of 64 KiB/s takes a pack of any size. The kernel may hold some megabytes for a connection and asks for more in
 * steps of a third of that, so a reader is not judged by less than a minute.
 */
const PACE: PaceLimits = { silentMs: 30_000, windowMs: 60_000, leastBytesPerSecond: 32 * 1024 };

/** Writes to a reader at its pace, as long as that is bearable. */
export class PacedResponse {
  readonly #response: ServerResponse;
  readonly #limits: PaceLimits;
  readonly #left = new AbortController();
  #waitedMs = 0;
  #bytes = 0;

  constructor(response: ServerResponse, limits: PaceLimits = PACE) {
    this.#response = response;
    this.#limits = limits;
    const leave = (): void => this.#left.abort();
    if (response.destroyed) leave();
    else response.once('close', leave);
  }

  /** Fires when the reader has gone, or was cut off. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** Resolves when the reader can take more. @returns false when the client has closed the connection */
  async write(chunk: Buffer): Promise<boolean> {
    if (this.#response.destroyed) return false;
    this.#bytes += chunk.length;
    if (this.#response.write(chunk)) return true;
    const since = performance.now();
    const took = await drained(this.#response, this.#limits.silentMs);
    this.#waitedMs += performance.now() - since;
    const isTooSlow = took && this.#isTooSlow();
    if (!took || isTooSlow) this.#response.destroy();
    return took && !isTooSlow;
  }

  #isTooSlow(): boolean {
    const { windowMs, leastBytesPerSecond } = this.#limits;
    if (this.#waitedMs < windowMs) return false;
    const isTooSlow = this.#bytes * 1000 < leastBytesPerSecond * this.#waitedMs;
    [this.#bytes, this.#waitedMs] = [0, 0];
    return isTooSlow;
  }
}
