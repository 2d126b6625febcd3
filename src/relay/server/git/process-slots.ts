import { SidecarError } from '../../../model/error.ts';
import { reasonOf } from '../../../platform/bounded.ts';
import { FairRoom } from '../../../platform/fair-room.ts';
import type { StartPace } from './start-pace.ts';

export interface ProcessSlotsOptions {
  /** Processes at a time. */
  readonly most: number;
  /** Questions that may wait for a process. */
  readonly mostWaiting: number;
  /** How fast an owner may start them. */
  readonly pace: StartPace;
}

/** Step by step, up to the last one that there is (sched(7)): one process weighs as much as 22 of the last step. */
const NICENESS = [1, 10, 15, 19];
/** Processes beyond the pace of an owner that cost it a step: nobody who fetches its own news has so many. */
const DEBT_OF_STEP = 8;

/**
 * Lets only so many processes work at a time; a bounded number of others waits. Both are shared by owner, so somebody
 * who asks for much never keeps all of the slots, nor all places in the line.
 */
export class ProcessSlots {
  readonly #slots: FairRoom;
  readonly #line: FairRoom;

  readonly #pace: StartPace;

  constructor({ most, mostWaiting, pace }: ProcessSlotsOptions) {
    this.#pace = pace;
    this.#slots = new FairRoom(
      () => most,
      (owner) => (this.#isAhead(owner) ? 1 : most),
    );
    this.#line = new FairRoom(() => mostWaiting);
  }

  /**
   * How far a process of `owner`, for which it took a slot, is to stand back: behind the relay itself, and the further
   * the more of them work or were started lately, so that the first one of somebody else comes before all of one who
   * asks for much.
   */
  nicenessFor(owner: string): number {
    const steps = Math.max(this.#slots.heldBy(owner) - 1, Math.floor(this.#pace.debtOf(owner) / DEBT_OF_STEP));
    return NICENESS[Math.min(NICENESS.length - 1, Math.max(0, steps))] ?? 0;
  }

  /** It started so much lately that one process at a time has to do: the cores that are left are for the others. */
  #isAhead(owner: string): boolean {
    return this.#pace.debtOf(owner) >= DEBT_OF_STEP;
  }

  /** Settings that keep a git process of `owner` to one core where it has to stand back. */
  settingsFor(owner: string): readonly string[] {
    return this.#isAhead(owner) ? ['-c', 'pack.threads=1'] : [];
  }

  /** @throws SidecarError ERR_RELAY_FULL when as many of `owner` wait as may */
  requireRoom(owner: string): void {
    const isFree = this.#pace.isReady(owner) && this.#slots.hasRoomFor(owner);
    if (!isFree && !this.#line.hasRoomFor(owner)) throw full();
  }

  /**
   * Waits until `owner` may start another process, and for a slot; owners get turns.
   * @returns what gives it back; calling it again does nothing
   * @throws SidecarError ERR_RELAY_FULL, or the reason of `signal`
   */
  async take(owner: string, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw reasonOf(signal);
    const now = this.#pace.isReady(owner) ? this.#slots.tryEnter(owner) : undefined;
    if (now) {
      void this.#pace.take(owner, signal);
      return now;
    }
    const leaveLine = this.#line.tryEnter(owner);
    if (!leaveLine) throw full();
    try {
      await this.#pace.take(owner, signal);
      for (;;) {
        const release = await this.#slots.enter(owner, '', signal);
        if (!release) throw reasonOf(signal);
        // The answers of those that had a slot meanwhile may have been large.
        if (this.#pace.isPaid(owner)) return release;
        release();
        await this.#pace.untilPaid(owner, signal);
      }
    } finally {
      leaveLine();
    }
  }
}

function full(): SidecarError {
  const detail = 'as many other questions wait for an answer as may';
  return new SidecarError('ERR_RELAY_FULL', { op: 'answer a fetch', detail });
}
