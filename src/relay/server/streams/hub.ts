import type { Writable } from 'node:stream';
import { SidecarError } from '../../../model/error.ts';
import type { Clock, Random } from '../../../platform/clock.ts';
import { digestOf, type RefChange } from '../../protocol/refs.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Principal } from '../access/access.ts';
import type { Follower } from '../mirror/follower.ts';
import { type Channel, MANY_CHANGES, prepareWholeState } from './channel.ts';
import { Channels } from './channels.ts';
import { Delivery } from './delivery.ts';
import { prepareRefs } from './prepare-refs.ts';
import { type RefView, refsIn, WHOLE_VIEW } from './ref-view.ts';
import { SelectedRefs } from './selected-refs.ts';
import { type StreamPlace, StreamPlaces } from './stream-places.ts';
import { StreamSubscriber } from './stream-subscriber.ts';
import type { WantedView } from './wanted-view.ts';

export interface HubOptions {
  /** A name of this process that no other relay has. */
  readonly relay: string;
  readonly staggerMs: number;
  readonly mostSubscribers: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Different patterns over the refs of one repository: after each change each of them has to be looked after. */
const MOST_SEARCHES = 64;

/** What an instance sees now, among what its principal sees. */
export type ViewOf = (instance: string, from: RefView, wanted: WantedView) => RefView;

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
  readonly #delivery: Delivery;
  #subscribers = 0;
  #ended = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#selected = new SelectedRefs(options.clock);
    this.#channels = new Channels(options.relay, this.#selected);
    this.#places = new StreamPlaces(options.mostSubscribers);
    this.#delivery = new Delivery(options.staggerMs);
  }

  get subscribers(): number {
    return this.#subscribers;
  }

  get eventsSent(): number {
    return this.#delivery.sent;
  }

  /** Subscribers that were let go because they took nothing. */
  get dropped(): number {
    return this.#delivery.dropped;
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
    this.#delivery.toOne(subscriber, isNews ? channel.wholeState(this.#now) : channel.beat(this.#now));
    const trouble = channel.trouble();
    if (trouble) this.#delivery.toOne(subscriber, trouble);
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
      if (bytes) this.#delivery.spread(channel.everyOne(), bytes);
    }
    this.#delivery.run();
  }

  /** To be awaited before {@link release}, where there may be very many refs. The parameters are the same. */
  async prepareRelease(follower: Follower, instances: ReadonlySet<string>, viewOf: ViewOf): Promise<void> {
    const views = new Map<string, RefView>();
    for (const from of this.#channels.of(follower))
      for (const { to } of movesOf(from, instances, viewOf)) views.set(to.id, to);
    for (const view of views.values()) await prepareRefs(follower.refs, view);
  }

  /** Refs are elsewhere for some instances. */
  release(follower: Follower, instances: ReadonlySet<string>, viewOf: ViewOf): void {
    for (const from of this.#channels.of(follower)) {
      const moved = new Map<Channel, StreamSubscriber[]>();
      for (const { subscriber, to: view } of movesOf(from, instances, viewOf)) {
        const to = this.#channels.open({ follower, wanted: from.wanted, view });
        if (to === from) continue;
        from.remove(subscriber);
        to.add(subscriber);
        const together = moved.get(to);
        if (together) together.push(subscriber);
        else moved.set(to, [subscriber]);
      }
      for (const [to, subscribers] of moved) {
        const bytes = to.changesSince(from, this.#now);
        if (bytes) this.#delivery.spread(subscribers, bytes);
      }
      this.#channels.close(from);
    }
    this.#delivery.run();
  }

  /** The git server of `follower` cannot be asked. */
  tellTrouble(follower: Follower): void {
    for (const channel of this.#channels.of(follower)) {
      const bytes = channel.trouble();
      if (bytes) this.#delivery.toAll(channel.everyOne(), bytes);
    }
    this.#delivery.run();
  }

  /** The git server of `follower` answers again. */
  tellRecovery(follower: Follower): void {
    for (const channel of this.#channels.of(follower))
      this.#delivery.toAll(channel.everyOne(), channel.beat(this.#now));
    this.#delivery.run();
  }

  /**
   * Shows subscribers that we are here, and finds those that are not.
   * @param part of `parts`, counted from 0: whose turn it is
   */
  beat(part = 0, parts = 1): void {
    for (const channel of this.#channels.all()) {
      const bytes = channel.beat(this.#now);
      const due = channel.everyOne().filter(({ place }) => Math.floor(place * parts) === part);
      this.#delivery.beat(due, bytes);
    }
    this.#delivery.run();
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

/** Those of `instances` in a channel, and what each of them sees now. */
function* movesOf(
  from: Channel,
  instances: ReadonlySet<string>,
  viewOf: ViewOf,
): Iterable<{ readonly subscriber: StreamSubscriber; readonly to: RefView }> {
  const { view, wanted } = from;
  for (const subscriber of from.everyOne()) {
    const { instance } = subscriber;
    if (instance !== undefined && instances.has(instance))
      yield { subscriber, to: viewOf(instance, view.released?.from ?? view, wanted) };
  }
}

/** All refs of the view. */
function isWhole({ names, isSearch }: WantedView): boolean {
  return names === undefined && !isSearch;
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
