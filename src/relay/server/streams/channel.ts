import { ERROR_CODES } from '../../../model/error-codes.ts';
import { inTurns } from '../../../platform/in-turns.ts';
import { refsStartSteps, writeEvent, writeRefsEnd, writeRefsStart } from '../../protocol/events.ts';
import { changesBetween, digestOf, digestSteps, isShownAlike, type RefChange, type Refs } from '../../protocol/refs.ts';
import type { Follower } from '../mirror/follower.ts';
import type { RefView } from './ref-view.ts';
import { refsIn } from './ref-view.ts';
import type { EventBytes, StreamSubscriber } from './stream-subscriber.ts';
import type { WantedView } from './wanted-view.ts';

/** One write is worth a copy of so much. */
const SHORT_BYTES = 64 * 1024;

/** With more than this the event `refs`, which can be made in turns, is sent instead of `change`. */
export const MANY_CHANGES = 1000;

/** The long part of the event `refs`, once it was sent to one subscriber: a whole fleet may come back at once. */
const STARTS = new WeakMap<Refs, Buffer>();

/** Makes the event that a new subscriber of all of `refs` gets, while other work goes on: they may be very many. */
export async function prepareWholeState(refs: Refs): Promise<void> {
  if (!STARTS.has(refs)) STARTS.set(refs, await inTurns(refsStartSteps(await inTurns(digestSteps(refs)), refs)));
}

/** What the streams of a channel have in common. */
export interface ChannelRefs {
  readonly follower: Follower;
  readonly wanted: WantedView;
  readonly view: RefView;
}

/** Subscribers of the same refs of the same repository: they get the same bytes. */
export class Channel implements ChannelRefs {
  readonly follower: Follower;
  readonly wanted: WantedView;
  readonly view: RefView;
  readonly #relay: string;
  readonly #subscribers = new Set<StreamSubscriber>();
  #refs: Refs;
  #id: string;

  /** @param refs what `wanted` selects now @param relay the name of this process */
  constructor({ follower, wanted, view }: ChannelRefs, refs: Refs, relay: string) {
    this.follower = follower;
    this.wanted = wanted;
    this.view = view;
    this.#relay = relay;
    this.#refs = refs;
    this.#id = follower.isKnown ? digestOf(refs) : '';
  }

  /** The id of what it shows; empty while nothing is known. */
  get id(): string {
    return this.#id;
  }

  get isEmpty(): boolean {
    return this.#subscribers.size === 0;
  }

  add(subscriber: StreamSubscriber): void {
    this.#subscribers.add(subscriber);
  }

  /** @returns false when it is not here */
  remove(subscriber: StreamSubscriber): boolean {
    return this.#subscribers.delete(subscriber);
  }

  /** A list of its own: subscribers may end while it is walked over. */
  everyOne(): StreamSubscriber[] {
    return [...this.#subscribers];
  }

  /** Takes what moved. @returns the event about it; undefined where nothing changes for this channel */
  move(moved: readonly RefChange[], now: number): EventBytes | undefined {
    const all = refsIn(this.follower.refs, this.view);
    const wasKnown = this.#id !== '';
    const refs = wasKnown ? this.wanted.update(this.#refs, all, moved) : this.wanted.select(all);
    const changes = changesBetween(this.#refs, refs, isShownAlike);
    if (wasKnown && changes.length === 0) return undefined;
    this.#refs = refs;
    this.#id = digestOf(refs);
    return wasKnown && changes.length <= MANY_CHANGES ? this.#changeEvent(changes, now) : this.wholeState(now);
  }

  /** The event for a subscriber that comes from another channel; undefined where it sees the same as before. */
  changesSince(from: Channel, now: number): EventBytes | undefined {
    if (from.id === this.#id) return undefined;
    if (from.id === '') return this.wholeState(now);
    return this.#changeEvent(changesBetween(from.#refs, this.#refs, isShownAlike), now);
  }

  #changeEvent(changes: readonly RefChange[], now: number): Buffer {
    const set = new Map(changes.flatMap(({ ref, to }) => (to ? [[ref, to] as const] : [])));
    const gone = changes.filter(({ to }) => !to).map(({ ref }) => ref);
    return writeEvent({ kind: 'change', id: this.#id, set, gone, ageMs: this.#ageAt(now) });
  }

  wholeState(now: number): readonly Buffer[] {
    const start = STARTS.get(this.#refs) ?? writeRefsStart(this.#id, this.#refs);
    STARTS.set(this.#refs, start);
    const parts = [start, writeRefsEnd(this.#ageAt(now), this.#relay)];
    return start.length < SHORT_BYTES ? [Buffer.concat(parts)] : parts;
  }

  beat(now: number): Buffer {
    const { isKnown, trouble } = this.follower;
    const ageMs = isKnown ? this.#ageAt(now) : undefined;
    return writeEvent({ kind: 'beat', ageMs, relay: this.#relay, trouble: trouble?.code });
  }

  /** undefined while the git server can be asked. */
  trouble(): Buffer | undefined {
    const code = this.follower.trouble?.code;
    // The text of our own table: that of the git server may hold details that are not for every client.
    return code && writeEvent({ kind: 'trouble', code, detail: ERROR_CODES[code].meaning });
  }

  #ageAt(now: number): number {
    return Math.max(0, now - this.follower.asOf);
  }
}
