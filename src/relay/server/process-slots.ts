import { SidecarError } from '../../model/error.ts';
import { reasonOf } from '../../platform/bounded.ts';

/** Lets only so many processes work at a time; a bounded number of others waits in line. */
export class ProcessSlots {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #line = new Set<() => void>();
  #taken = 0;

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** @throws SidecarError ERR_RELAY_FULL when as many wait as may */
  requireRoom(): void {
    if (this.#line.size < this.#mostWaiting) return;
    const detail = `${this.#line.size} other questions wait for an answer`;
    throw new SidecarError('ERR_RELAY_FULL', { op: 'answer a fetch', detail });
  }

  /**
   * Waits for a slot.
   * @returns what gives it back; calling it again does nothing
   * @throws SidecarError ERR_RELAY_FULL, or the reason of `signal`
   */
  async take(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw reasonOf(signal);
    if (this.#taken < this.#most) this.#taken += 1;
    else {
      this.requireRoom();
      await this.#wait(signal);
    }
    let isHeld = true;
    return () => {
      if (isHeld) this.#release();
      isHeld = false;
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#line.delete(next);
        reject(reasonOf(signal));
      };
      const next = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#line.add(next);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Who waited longest takes over the slot. */
  #release(): void {
    const [next] = this.#line;
    if (!next) {
      this.#taken -= 1;
      return;
    }
    this.#line.delete(next);
    next();
  }
}
