import { SidecarError } from '../../../model/error.ts';
import type { Clock } from '../../../platform/clock.ts';
import { FairRate } from '../../../platform/fair-rate.ts';
import { FairRoom } from '../../../platform/fair-room.ts';
import { GrowingBuffer } from '../../../platform/growing-buffer.ts';

/** More than 1,300 object ids. What follows a branch asks with a few hundred bytes, after a long pause with some KiB. */
const SMALL_BYTES = 64 * 1024;
/** Large ones that are read and understood at a time, of one owner three. */
const MOST_AT_ONCE = 4;
/** Those that wait for that, each with a small one's bytes in memory; of one owner 48. */
const MOST_WAITING = 64;
/** Of large questions together: 1 MiB costs about 50 ms of a core. */
const BYTES_PER_SECOND = 4 * 2 ** 20;
/** So many seconds of that may come at once. */
const SAVED_SECONDS = 10;

/** A question, and what gives back its place once it is understood; calling that again does nothing. */
export interface ReadQuestion {
  readonly body: Buffer;
  readonly release: () => void;
}

/**
 * Reads the questions of clients. A small one is read at once, whatever the others send. Large ones cost memory and a
 * core: a few are read at a time, shared by owner, and each owner has its part of the bytes a second.
 */
export class LargeQuestions {
  readonly #rate: FairRate;
  readonly #places = new FairRoom(() => MOST_AT_ONCE);
  readonly #line = new FairRoom(() => MOST_WAITING);

  constructor(clock: Clock) {
    this.#rate = new FairRate(clock, BYTES_PER_SECOND);
  }

  /**
   * @param most bytes of a question
   * @param left fires when the client has gone
   * @returns undefined when it is longer; the rest of it is not read then
   * @throws SidecarError ERR_RELAY_FULL when the owner sent its part of large ones; and what `source` throws
   */
  async read(
    source: AsyncIterable<Buffer>,
    most: number,
    owner: string,
    left: AbortSignal,
  ): Promise<ReadQuestion | undefined> {
    const body = new GrowingBuffer(most);
    let release: (() => void) | undefined;
    try {
      for await (const chunk of source) {
        if (!release && body.size + chunk.length > SMALL_BYTES) release = await this.#enter(owner, left);
        if (release) this.#rate.charge(owner, chunk.length);
        if (!body.add(chunk)) return undefined;
      }
      const done = release ?? ((): void => undefined);
      release = undefined;
      return { body: body.content, release: done };
    } finally {
      release?.();
    }
  }

  async #enter(owner: string, left: AbortSignal): Promise<() => void> {
    if (this.#rate.isOver(owner, SAVED_SECONDS * BYTES_PER_SECOND)) throw full('you sent your share of long questions');
    const leaveLine = this.#line.tryEnter(owner);
    if (!leaveLine) throw full('as many long questions wait as may');
    try {
      const release = await this.#places.enter(owner, '', left);
      if (!release) throw full('the client has gone');
      return release;
    } finally {
      leaveLine();
    }
  }
}

function full(detail: string): SidecarError {
  return new SidecarError('ERR_RELAY_FULL', { op: 'read a question', detail });
}
