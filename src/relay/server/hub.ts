import type { Writable } from 'node:stream';
import { SidecarError } from '../../model/error.ts';
import { ERROR_CODES } from '../../model/error-codes.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import { writeEvent, writeRefsEnd, writeRefsStart } from '../protocol/events.ts';
import { changesBetween, digestOf, type RefChange, type Refs } from '../protocol/refs.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Principal } from './access.ts';
import { FanOut } from './fan-out.ts';
import type { Follower } from './follower.ts';
import { type RefView, refsIn, WHOLE_VIEW } from './ref-view.ts';
import { SelectedRefs } from './selected-refs.ts';
import { type StreamPlace, StreamPlaces } from './stream-places.ts';
import type { WantedView } from './wanted-view.ts';

/** One open stream. */
interface Subscriber {
  readonly stream: Writable;
  readonly principal: Principal;
  /** In [0, 1): its place when something is spread over time; fixed, so that changes keep their order. */
  readonly place: number;
  /** What the last beat left unsent had not gone by the next one. */
  isStuck: boolean;
}

/** Subscribers of the same refs of the same repository: they get the same bytes. */
interface Channel {
  readonly follower: Follower;
  readonly wanted: WantedView;
  readonly view: RefView;
  /** By the id of the principal. */
  readonly subscribers: Map<string, Set<Subscriber>>;
  refs: Refs;
  id: string;
  /**
   * The long part of the event `refs`, once it was sent to one subscriber: a whole fleet may come back at the same
   * time.
   */
  state: { readonly id: string; readonly start: Buffer } | undefined;
}

export interface HubOptions {
  /** A name of this process that no other relay has. */
  readonly relay: string;
  readonly staggerMs: number;
  readonly mostSubscribers: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** A subscriber that does not take this much loses its stream: it connects again and gets the state of that moment. */
const MOST_UNSENT_BYTES = 256 * 1024;
/** One write is worth a copy of so much. */
const SHORT_BYTES = 64 * 1024;
/** With `--stagger`: subscribers whose turns are within so many milliseconds get the event together. */
const TURN_MS = 20;
/** Different patterns over the refs of one repository: after each change each of them has to be looked after. */
const MOST_SEARCHES = 64;
/** How long the last bytes of a stream that ends may take to leave. */
const LAST_BYTES_MS = 10_000;

/** The client that wants a stream, and what it follows. */
export interface Subscription {
  readonly follower: Follower;
  readonly wanted: WantedView;
  /** Of the last event that the subscriber saw. */
  readonly lastId: string | undefined;
  readonly principal: Principal;
  readonly place: StreamPlace;
}

/** Holds the streams and sends to each what changed. What one client does or does not do costs the others nothing. */
export class Hub {
  readonly #options: HubOptions;
  readonly #channels = new Map<Follower, Map<string, Channel>>();
  readonly #places: StreamPlaces;
  readonly #selected: SelectedRefs;
  readonly #fanOut = new FanOut<Subscriber>();
  #subscribers = 0;
  #eventsSent = 0;
  #dropped = 0;
  #ended = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#selected = new SelectedRefs(options.clock);
    this.#places = new StreamPlaces(options.mostSubscribers);
  }

  get subscribers(): number {
    return this.#subscribers;
  }

  get eventsSent(): number {
    return this.#eventsSent;
  }

  /** Subscribers that were let go because they took nothing. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Streams that were ended: their access is over, or they had to give way. */
  get ended(): number {
    return this.#ended;
  }

  /** @returns room for a stream of `owner` until `holder` is closed; undefined when there is none */
  reserve(owner: string, holder: Writable): StreamPlace | undefined {
    return this.#places.take(owner, holder, giveWay);
  }

  /** Whether another principal has a stream. */
  hasStreamsBeside(owner: string): boolean {
    return this.#places.hasOthers(owner);
  }

  isWatched(follower: Follower): boolean {
    return this.#channels.has(follower);
  }

  /** The id of the state that subscribers of these refs get now; empty while nothing is known. */
  idOf(follower: Follower, wanted: WantedView, view = WHOLE_VIEW): string {
    return follower.isKnown ? digestOf(this.#selected.select(refsIn(follower.refs, view), wanted)) : '';
  }

  /** Whether `owner` may have what it wants looked for among all refs; what is found for others costs nothing. */
  mayFollow(follower: Follower, wanted: WantedView, view: RefView, owner: string): boolean {
    if (!wanted.isSearch || this.#channels.get(follower)?.has(keyOf(wanted, view))) return true;
    const searches = [...(this.#channels.get(follower)?.values() ?? [])].filter((each) => each.wanted.isSearch);
    return searches.length < MOST_SEARCHES && this.#selected.mayLook(owner, refsIn(follower.refs, view), wanted);
  }

  /** Takes a stream on whose head was sent. */
  subscribe({ follower, wanted, lastId, principal, place }: Subscription, stream: Writable): void {
    const channel = this.#channel(follower, wanted, principal.viewOf(follower.upstream.name));
    const subscriber: Subscriber = { stream, principal, place: this.#options.random(), isStuck: false };
    const ofOwner = channel.subscribers.get(principal.id) ?? new Set();
    channel.subscribers.set(principal.id, ofOwner.add(subscriber));
    place.end = (error) => this.#end(subscriber, error);
    this.#subscribers += 1;
    place.whenOver(() => this.#remove(channel, subscriber));
    if (follower.isKnown && lastId !== channel.id) this.#send(subscriber, this.#wholeState(channel));
    else this.#send(subscriber, this.#beat(channel));
    if (follower.trouble) this.#send(subscriber, troubleEvent(follower.trouble));
  }

  /** These refs of `follower` moved. */
  tell(follower: Follower, moved: readonly RefChange[]): void {
    for (const channel of this.#channels.get(follower)?.values() ?? []) {
      const all = refsIn(follower.refs, channel.view);
      const wasKnown = channel.id !== '';
      const refs = wasKnown ? channel.wanted.update(channel.refs, all, moved) : channel.wanted.select(all);
      const changes = changesBetween(channel.refs, refs);
      if (wasKnown && changes.length === 0) continue;
      channel.refs = refs;
      channel.id = digestOf(refs);
      const bytes = wasKnown
        ? writeEvent({
            kind: 'change',
            id: channel.id,
            set: new Map(changes.flatMap(({ ref, to }) => (to ? [[ref, to] as const] : []))),
            gone: changes.filter(({ to }) => !to).map(({ ref }) => ref),
            ageMs: this.#ageOf(follower),
          })
        : this.#wholeState(channel);
      this.#spread(channel, bytes);
    }
    this.#fanOut.run();
  }

  tellTrouble(follower: Follower, error: SidecarError): void {
    const bytes = troubleEvent(error);
    for (const channel of this.#channels.get(follower)?.values() ?? []) this.#sendAll(channel, bytes);
    this.#fanOut.run();
  }

  /** The git server of `follower` answers again. */
  tellRecovery(follower: Follower): void {
    for (const channel of this.#channels.get(follower)?.values() ?? []) this.#sendAll(channel, this.#beat(channel));
    this.#fanOut.run();
  }

  /**
   * Shows subscribers that we are here, and finds those that are not.
   * @param part of `parts`, counted from 0: whose turn it is
   */
  beat(part = 0, parts = 1): void {
    const beat = (subscriber: Subscriber, bytes: Buffer): void => {
      const unsent = subscriber.stream.writableLength > 0;
      if (unsent && subscriber.isStuck) this.#drop(subscriber);
      else {
        this.#send(subscriber, bytes);
        subscriber.isStuck = unsent;
      }
    };
    for (const channels of this.#channels.values()) {
      for (const channel of channels.values()) {
        const bytes = this.#beat(channel);
        for (const [owner, subscribers] of channel.subscribers) {
          const due = [...subscribers].filter(({ place }) => Math.floor(place * parts) === part);
          this.#fanOut.add(owner, due, (subscriber) => beat(subscriber, bytes));
        }
      }
    }
    this.#fanOut.run();
  }

  /** Ends the streams of clients that no longer have access. */
  recheck(): void {
    for (const [{ upstream }, channels] of this.#channels) {
      for (const { subscribers, view } of channels.values()) {
        const judged = new Map<Principal, boolean>();
        for (const subscriber of everyOne(subscribers)) {
          const { principal } = subscriber;
          const isGood = judged.get(principal) ?? isStillGood(principal, upstream.name, view);
          judged.set(principal, isGood);
          if (!isGood) this.#end(subscriber, accessIsOver());
        }
      }
    }
  }

  /** Ends all streams of certificates: other authorities vouch for them now. */
  endCertificates(): void {
    for (const channels of this.#channels.values())
      for (const { subscribers } of channels.values())
        for (const subscriber of everyOne(subscribers))
          if (subscriber.principal.id.startsWith('certificate ')) this.#end(subscriber, accessIsOver());
  }

  /** Ends all streams of `follower`. */
  endAll(follower: Follower, error: SidecarError): void {
    for (const { subscribers } of [...(this.#channels.get(follower)?.values() ?? [])])
      for (const subscriber of everyOne(subscribers)) this.#end(subscriber, error);
  }

  close(): void {
    for (const channels of this.#channels.values())
      for (const { subscribers } of channels.values()) for (const { stream } of everyOne(subscribers)) stream.destroy();
  }

  #channel(follower: Follower, wanted: WantedView, view: RefView): Channel {
    const channels = this.#channels.get(follower) ?? new Map<string, Channel>();
    this.#channels.set(follower, channels);
    const key = keyOf(wanted, view);
    let channel = channels.get(key);
    if (!channel) {
      const refs = this.#selected.select(refsIn(follower.refs, view), wanted);
      channel = {
        follower,
        wanted,
        view,
        subscribers: new Map(),
        refs,
        id: follower.isKnown ? digestOf(refs) : '',
        state: undefined,
      };
      channels.set(key, channel);
    }
    return channel;
  }

  #wholeState(channel: Channel): readonly Buffer[] {
    const { follower, refs, id } = channel;
    if (channel.state?.id !== id) channel.state = { id, start: writeRefsStart(id, refs) };
    const parts = [channel.state.start, writeRefsEnd(this.#ageOf(follower), this.#options.relay)];
    return channel.state.start.length < SHORT_BYTES ? [Buffer.concat(parts)] : parts;
  }

  #beat({ follower }: Channel): Buffer {
    const ageMs = follower.isKnown ? this.#ageOf(follower) : undefined;
    return writeEvent({ kind: 'beat', ageMs, relay: this.#options.relay, trouble: follower.trouble?.code });
  }

  #ageOf({ asOf }: Follower): number {
    return Math.max(0, this.#options.clock.now() - asOf);
  }

  /** Those who run the fan-out do so when all events are in it. */
  #sendAll({ subscribers }: Channel, bytes: Buffer | readonly Buffer[]): void {
    for (const [owner, all] of subscribers)
      this.#fanOut.add(owner, [...all], (subscriber) => this.#send(subscriber, bytes));
  }

  #spread(channel: Channel, bytes: Buffer | readonly Buffer[]): void {
    const { staggerMs } = this.#options;
    if (staggerMs <= 0) {
      this.#sendAll(channel, bytes);
      return;
    }
    const turns = new Map<number, Subscriber[]>();
    for (const subscriber of everyOne(channel.subscribers)) {
      const at = Math.floor((subscriber.place * staggerMs) / TURN_MS) * TURN_MS;
      const due = turns.get(at);
      if (due) due.push(subscriber);
      else turns.set(at, [subscriber]);
    }
    for (const [at, due] of turns) {
      const send = (): void => {
        for (const subscriber of due) this.#send(subscriber, bytes);
      };
      setTimeout(send, at).unref();
    }
  }

  #send(subscriber: Subscriber, bytes: Buffer | readonly Buffer[]): void {
    const { stream } = subscriber;
    if (stream.destroyed || stream.writableEnded) return;
    if (stream.writableLength > MOST_UNSENT_BYTES) {
      this.#drop(subscriber);
      return;
    }
    if (Buffer.isBuffer(bytes)) stream.write(bytes);
    else for (const part of bytes) stream.write(part);
    this.#eventsSent += 1;
  }

  /** In a way that the subscriber understands: a last event, and an end that is none of a broken connection. */
  #end({ stream }: Subscriber, { code }: SidecarError): void {
    if (stream.destroyed || stream.writableEnded) return;
    this.#ended += 1;
    stream.end(writeEvent({ kind: 'end', code, detail: ERROR_CODES[code].meaning }));
    const timer = setTimeout(() => stream.destroy(), LAST_BYTES_MS).unref();
    stream.once('close', () => clearTimeout(timer));
  }

  #drop(subscriber: Subscriber): void {
    this.#dropped += 1;
    subscriber.stream.destroy();
  }

  #remove(channel: Channel, subscriber: Subscriber): void {
    const { id } = subscriber.principal;
    const ofOwner = channel.subscribers.get(id);
    if (!ofOwner?.delete(subscriber)) return;
    this.#subscribers -= 1;
    if (ofOwner.size === 0) channel.subscribers.delete(id);
    if (channel.subscribers.size > 0) return;
    const channels = this.#channels.get(channel.follower);
    for (const [key, each] of channels ?? []) if (each === channel) channels?.delete(key);
    if (channels?.size === 0) this.#channels.delete(channel.follower);
  }
}

/** A whole fleet may have one principal, so this is asked once for all its streams. */
function isStillGood(principal: Principal, name: RepositoryName, view: RefView): boolean {
  const now = principal.renewed();
  return now?.id === principal.id && now.mayRead(name) && now.viewOf(name).id === view.id;
}

/** A list of its own: they may end while it is walked over. */
function everyOne(subscribers: Channel['subscribers']): Subscriber[] {
  return [...subscribers.values()].flatMap((ofOwner) => [...ofOwner]);
}

function keyOf(wanted: WantedView, view: RefView): string {
  return [view.id, wanted.id].join('\n');
}

function accessIsOver(): SidecarError {
  const detail = 'the access file, or a certificate, does not let this stream go on';
  return new SidecarError('ERR_RELAY_REFUSED', { op: 'serve a stream', detail });
}

function giveWay(): SidecarError {
  const detail = 'all streams are taken, and this token, certificate or address has most of them';
  return new SidecarError('ERR_RELAY_FULL', { op: 'serve a stream', detail });
}

/** The text of our own table: that of the git server may hold details that are not for every client. */
function troubleEvent({ code }: SidecarError): Buffer {
  return writeEvent({ kind: 'trouble', code, detail: ERROR_CODES[code].meaning });
}
