import type { Writable } from 'node:stream';
import type { SidecarError } from '../../../model/error.ts';
import { ERROR_CODES } from '../../../model/error-codes.ts';
import { writeEvent } from '../../protocol/events.ts';
import type { Principal } from '../access/access.ts';

/** The bytes of an event; in parts where the first one is long and the same for many. */
export type EventBytes = Buffer | readonly Buffer[];

/** A subscriber that does not take this much loses its stream: it connects again and gets the state of that moment. */
const MOST_UNSENT_BYTES = 256 * 1024;
/** How long the last bytes of a stream that ends may take to leave. */
const LAST_BYTES_MS = 10_000;

export interface StreamSubscriberOptions {
  readonly stream: Writable;
  readonly principal: Principal;
  /** In [0, 1): its place when something is spread over time; fixed, so that changes keep their order. */
  readonly place: number;
  /** What releases know it by. */
  readonly instance: string | undefined;
}

/** One open stream. */
export class StreamSubscriber {
  readonly principal: Principal;
  readonly place: number;
  readonly instance: string | undefined;
  readonly #stream: Writable;
  /** What the last beat left unsent had not gone by the next one. */
  #isStuck = false;

  constructor({ stream, principal, place, instance }: StreamSubscriberOptions) {
    this.#stream = stream;
    this.principal = principal;
    this.place = place;
    this.instance = instance;
  }

  /** @returns `dropped` when it takes nothing any more, `over` when the stream has ended already */
  send(bytes: EventBytes): 'sent' | 'dropped' | 'over' {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return 'over';
    if (stream.writableLength > MOST_UNSENT_BYTES) return this.drop();
    if (Buffer.isBuffer(bytes)) stream.write(bytes);
    else for (const part of bytes) stream.write(part);
    return 'sent';
  }

  /** Shows that we are here. One that took nothing since the beat before is dropped. */
  beat(bytes: Buffer): 'sent' | 'dropped' | 'over' {
    const unsent = this.#stream.writableLength > 0;
    if (unsent && this.#isStuck) return this.drop();
    const sent = this.send(bytes);
    this.#isStuck = unsent;
    return sent;
  }

  /**
   * In a way that the subscriber understands: a last event, and an end that is none of a broken connection.
   * @returns false when it has ended already
   */
  end({ code }: SidecarError): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return false;
    stream.end(writeEvent({ kind: 'end', code, detail: ERROR_CODES[code].meaning }));
    const timer = setTimeout(() => stream.destroy(), LAST_BYTES_MS).unref();
    stream.once('close', () => clearTimeout(timer));
    return true;
  }

  drop(): 'dropped' {
    this.#stream.destroy();
    return 'dropped';
  }
}
