import { SidecarError } from '../../model/error.ts';
import { reasonOf } from '../../platform/bounded.ts';
import { FairRoom } from '../../platform/fair-room.ts';

/**
 * Lets only so many processes work at a time; a bounded number of others waits. Both are shared by owner, so somebody
 * who asks for much never keeps all of the slots, nor all places in the line.
 */
export class ProcessSlots {
  readonly #slots: FairRoom;
  readonly #line: FairRoom;

  constructor(most: number, mostWaiting: number) {
    this.#slots = new FairRoom(() => most);
    this.#line = new FairRoom(() => mostWaiting);
  }

  /** @throws SidecarError ERR_RELAY_FULL when as many of `owner` wait as may */
  requireRoom(owner: string): void {
    if (!this.#slots.hasRoomFor(owner) && !this.#line.hasRoomFor(owner)) throw full();
  }

  /**
   * Waits for a slot; owners get turns.
   * @returns what gives it back; calling it again does nothing
   * @throws SidecarError ERR_RELAY_FULL, or the reason of `signal`
   */
  async take(owner: string, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw reasonOf(signal);
    const now = this.#slots.tryEnter(owner);
    if (now) return now;
    const leaveLine = this.#line.tryEnter(owner);
    if (!leaveLine) throw full();
    try {
      const release = await this.#slots.enter(owner, '', signal);
      if (!release) throw reasonOf(signal);
      return release;
    } finally {
      leaveLine();
    }
  }
}

function full(): SidecarError {
  const detail = 'as many other questions wait for an answer as may';
  return new SidecarError('ERR_RELAY_FULL', { op: 'answer a fetch', detail });
}
