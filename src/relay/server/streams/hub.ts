import type { Writable } from 'node:stream';
import { SidecarError } from '../../../model/error.ts';
import type { Clock, Random } from '../../../platform/clock.ts';
import { digestOf, type RefChange } from '../../protocol/refs.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Principal } from '../access/access.ts';
import type { Follower } from '../mirror/follower.ts';
import { type Channel, MANY_CHANGES, prepareWholeState } from './channel.ts';
import { Channels } from './channels.ts';
import { FanOut } from './fan-out.ts';
import { prepareRefs } from './prepare-refs.ts';
import { type RefView, refsIn, WHOLE_VIEW } from './ref-view.ts';
import { SelectedRefs } from './selected-refs.ts';
import { type StreamPlace, StreamPlaces } from './stream-places.ts';
import { type EventBytes, StreamSubscriber } from './stream-subscriber.ts';
import type { WantedView } from './wanted-view.ts';

export interface HubOptions {
  /** A name of this process that no other relay has. */
  readonly relay: string;
  readonly staggerMs: number;
  readonly mostSubscribers: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** With `--stagger`: subscribers whose turns are within so many milliseconds get the event together. */
const TURN_MS = 20;
/** Different patterns over the refs of one repository: after each change each of them has to be looked after. */
const MOST_SEARCHES = 64;

/** The client that wants a stream, and what it follows. */
export interface Subscription {
  readonly follower: Follower;
  readonly wanted: WantedView;
  /** Of the last event that the subscriber saw. */
  readonly lastId: string | undefined;
  readonly principal: Principal;
  readonly place: StreamPlace;
  /** Where refs are for this instance, as {@link RefView}; by default what its principal sees. */
  readonly view?: RefView;
  /** What releases know the instance by; undefined where nothing is released by stages. */
  readonly instance?: string;
}

/** Holds the streams and sends to each what changed. What one client does or does not do costs the others nothing. */
export class Hub {
  readonly #options: HubOptions;
  readonly #channels: Channels;
  readonly #places: StreamPlaces;
  readonly #selected: SelectedRefs;
  readonly #fanOut = new FanOut<StreamSubscriber>();
  #subscribers = 0;
  #eventsSent = 0;
  #dropped = 0;
  #ended = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#selected = new SelectedRefs(options.clock);
    this.#channels = new Channels(options.relay, this.#selected);
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
    if (!wanted.isSearch || this.#channels.find({ follower, wanted, view })) return true;
    const searches = this.#channels.of(follower).filter((each) => each.wanted.isSearch);
    return searches.length < MOST_SEARCHES && this.#selected.mayLook(owner, refsIn(follower.refs, view), wanted);
  }

  /** Takes a stream on whose head was sent. */
  subscribe(subscription: Subscription, stream: Writable): void {
    const { follower, wanted, lastId, principal, place, instance } = subscription;
    const view = subscription.view ?? principal.viewOf(follower.upstream.name);
    const channel = this.#channels.open({ follower, wanted, view });
    const subscriber = new StreamSubscriber({ stream, principal, place: this.#options.random(), instance });
    channel.add(subscriber);
    place.end = (error) => this.#end(subscriber, error);
    this.#subscribers += 1;
    place.whenOver(() => this.#remove(follower, subscriber));
    const isNews = follower.isKnown && lastId !== channel.id;
    this.#send(subscriber, isNews ? channel.wholeState(this.#now) : channel.beat(this.#now));
    const trouble = channel.trouble();
    if (trouble) this.#send(subscriber, trouble);
  }

  /** To be awaited before {@link tell}, where there may be very many refs. @param moved how many of them */
  async prepare(follower: Follower, moved: number): Promise<void> {
    for (const { wanted, view } of this.#channels.of(follower)) {
      const refs = await prepareRefs(follower.refs, view);
      if (moved > MANY_CHANGES && isWhole(wanted)) await prepareWholeState(refs);
    }
  }

  /** The same for a stream that {@link subscribe} takes on next. */
  async prepareFor(follower: Follower, wanted: WantedView, view: RefView): Promise<void> {
    const refs = await prepareRefs(follower.refs, view);
    if (isWhole(wanted)) await prepareWholeState(refs);
  }

  /** These refs of `follower` moved. */
  tell(follower: Follower, moved: readonly RefChange[]): void {
    for (const channel of this.#channels.of(follower)) {
      const bytes = channel.move(moved, this.#now);
      if (bytes) this.#spread(channel.everyOne(), bytes);
    }
    this.#fanOut.run();
  }

  /**
   * Refs are elsewhere for some instances.
   * @param viewOf what an instance sees now, among what its principal sees
   */
  release(
    follower: Follower,
    instances: ReadonlySet<string>,
    viewOf: (instance: string, from: RefView, wanted: WantedView) => RefView,
  ): void {
    for (const from of this.#channels.of(follower)) {
      const moved = new Map<Channel, StreamSubscriber[]>();
      for (const subscriber of from.everyOne()) {
        const { instance } = subscriber;
        if (instance === undefined || !instances.has(instance)) continue;
        const { view, wanted } = from;
        const to = this.#channels.open({
          follower,
          wanted,
          view: viewOf(instance, view.released?.from ?? view, wanted),
        });
        if (to === from) continue;
        from.remove(subscriber);
        to.add(subscriber);
        const together = moved.get(to);
        if (together) together.push(subscriber);
        else moved.set(to, [subscriber]);
      }
      for (const [to, subscribers] of moved) {
        const bytes = to.changesSince(from, this.#now);
        if (bytes) this.#spread(subscribers, bytes);
      }
      this.#channels.close(from);
    }
    this.#fanOut.run();
  }

  /** The git server of `follower` cannot be asked. */
  tellTrouble(follower: Follower): void {
    for (const channel of this.#channels.of(follower)) {
      const bytes = channel.trouble();
      if (bytes) this.#sendAll(channel.everyOne(), bytes);
    }
    this.#fanOut.run();
  }

  /** The git server of `follower` answers again. */
  tellRecovery(follower: Follower): void {
    for (const channel of this.#channels.of(follower)) this.#sendAll(channel.everyOne(), channel.beat(this.#now));
    this.#fanOut.run();
  }

  /**
   * Shows subscribers that we are here, and finds those that are not.
   * @param part of `parts`, counted from 0: whose turn it is
   */
  beat(part = 0, parts = 1): void {
    for (const channel of this.#channels.all()) {
      const bytes = channel.beat(this.#now);
      for (const [owner, subscribers] of byOwner(channel.everyOne())) {
        const due = subscribers.filter(({ place }) => Math.floor(place * parts) === part);
        this.#fanOut.add(owner, due, (subscriber) => this.#note(subscriber.beat(bytes)));
      }
    }
    this.#fanOut.run();
  }

  /** Ends the streams of clients that no longer have access. */
  recheck(): void {
    for (const channel of this.#channels.all()) {
      const { name } = channel.follower.upstream;
      // A whole fleet may have one principal, so this is asked once for all its streams.
      const judged = new Map<Principal, boolean>();
      const view = channel.view.released?.from ?? channel.view;
      for (const subscriber of channel.everyOne()) {
        const { principal } = subscriber;
        const isGood = judged.get(principal) ?? isStillGood(principal, name, view);
        judged.set(principal, isGood);
        if (!isGood) this.#end(subscriber, accessIsOver());
      }
    }
  }

  /** Ends all streams of certificates: other authorities vouch for them now. */
  endCertificates(): void {
    for (const subscriber of this.#channels.all().flatMap((channel) => channel.everyOne()))
      if (subscriber.principal.id.startsWith('certificate ')) this.#end(subscriber, accessIsOver());
  }

  /** Ends all streams of `follower`. */
  endAll(follower: Follower, error: SidecarError): void {
    for (const channel of this.#channels.of(follower))
      for (const subscriber of channel.everyOne()) this.#end(subscriber, error);
  }

  close(): void {
    for (const channel of this.#channels.all()) for (const subscriber of channel.everyOne()) subscriber.drop();
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  /** Those who run the fan-out do so when all events are in it. */
  #sendAll(subscribers: readonly StreamSubscriber[], bytes: EventBytes): void {
    for (const [owner, all] of byOwner(subscribers))
      this.#fanOut.add(owner, all, (subscriber) => this.#send(subscriber, bytes));
  }

  #spread(subscribers: readonly StreamSubscriber[], bytes: EventBytes): void {
    const { staggerMs } = this.#options;
    if (staggerMs <= 0) {
      this.#sendAll(subscribers, bytes);
      return;
    }
    const turns = new Map<number, StreamSubscriber[]>();
    for (const subscriber of subscribers) {
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

  #send(subscriber: StreamSubscriber, bytes: EventBytes): void {
    this.#note(subscriber.send(bytes));
  }

  #note(outcome: ReturnType<StreamSubscriber['send']>): void {
    if (outcome === 'sent') this.#eventsSent += 1;
    if (outcome === 'dropped') this.#dropped += 1;
  }

  #end(subscriber: StreamSubscriber, error: SidecarError): void {
    if (subscriber.end(error)) this.#ended += 1;
  }

  #remove(follower: Follower, subscriber: StreamSubscriber): void {
    // A release may have brought it to another channel.
    const channel = this.#channels.of(follower).find((each) => each.remove(subscriber));
    if (!channel) return;
    this.#subscribers -= 1;
    this.#channels.close(channel);
  }
}

/** All refs of the view. */
function isWhole({ names, isSearch }: WantedView): boolean {
  return names === undefined && !isSearch;
}

/** By the id of the principal. */
function byOwner(subscribers: readonly StreamSubscriber[]): ReadonlyMap<string, readonly StreamSubscriber[]> {
  const owners = new Map<string, StreamSubscriber[]>();
  for (const subscriber of subscribers) {
    const ofOwner = owners.get(subscriber.principal.id);
    if (ofOwner) ofOwner.push(subscriber);
    else owners.set(subscriber.principal.id, [subscriber]);
  }
  return owners;
}

function isStillGood(principal: Principal, name: RepositoryName, view: RefView): boolean {
  const now = principal.renewed();
  if (now?.id !== principal.id || !now.mayRead(name) || now.viewOf(name).id !== view.id) return false;
  return now.namesOf(name).id === principal.namesOf(name).id;
}

function accessIsOver(): SidecarError {
  const detail = 'the access file, or a certificate, does not let this stream go on';
  return new SidecarError('ERR_RELAY_REFUSED', { op: 'serve a stream', detail });
}

function giveWay(): SidecarError {
  const detail = 'all streams are taken, and this token, certificate or address has most of them';
  return new SidecarError('ERR_RELAY_FULL', { op: 'serve a stream', detail });
}
