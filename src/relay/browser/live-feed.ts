import type { Writable } from 'node:stream';
import { SidecarError } from '../../model/error.ts';
import { after, type Clock } from '../../platform/clock.ts';
import { visibleJson } from '../../platform/visible-text.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Principal } from '../server/access/access.ts';
import type { Fleet } from '../server/fleet/fleet.ts';
import { describeMember, type Member, refsOfMember } from '../server/fleet/member.ts';
import type { Follower } from '../server/mirror/follower.ts';
import type { RolloutDesk } from '../server/rollouts/rollout-desk.ts';
import type { RefView } from '../server/streams/ref-view.ts';
import type { StreamPlace } from '../server/streams/stream-places.ts';
import { StreamSubscriber } from '../server/streams/stream-subscriber.ts';
import { ChangeBook, type Reader } from './change-book.ts';
import { describeRelay, describeRepository, type OverviewSources } from './overview.ts';
import type { Visitor } from './page-door.ts';
import { prepareTips } from './shown-tips.ts';

type Item =
  | { readonly kind: 'instance'; readonly member: Member; readonly isForgotten: boolean }
  | { readonly kind: 'repository' | 'rollouts'; readonly repository: RepositoryName };

export interface LiveFeedOptions extends OverviewSources {
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly rollouts: RolloutDesk;
  readonly follower: (name: RepositoryName) => Follower | undefined;
}

/** One browser that watches. */
interface Watcher {
  readonly visitor: Visitor;
  principal: Principal;
  readonly reader: Reader;
  readonly stream: StreamSubscriber;
  /** It has not taken yet what it was sent. */
  readonly isBusy: () => boolean;
}

/** Events of one round are gathered for so long. */
const ROUND_MS = 500;
/** Of instances and repositories in one event; the others come in the next one. */
const MOST_AT_ONCE = 500;
const MANY_REFS = 1000;

/**
 * Tells the browsers that watch what changed: instances, rollouts and repositories as they are now, at most twice a
 * second, and of many changes of one thing the last. What it is about costs nothing while nobody watches.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #book = new ChangeBook<Item>();
  readonly #watchers = new Set<Watcher>();
  #isDue = false;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** An instance came, went, reported, or is behind now, or is no longer behind. */
  noteMember(member: Member, isForgotten = false): void {
    if (!this.#book.isRead) return;
    this.#note(`instance ${member.number}`, { kind: 'instance', member, isForgotten });
    this.noteRepository(member.repository);
  }

  /** Its refs moved, it has another state, or something about its rollouts changed. */
  noteRepository(repository: RepositoryName): void {
    this.#note(`repository ${repository}`, { kind: 'repository', repository });
    this.#note(`rollouts ${repository}`, { kind: 'rollouts', repository });
  }

  /** Takes a stream whose head was sent. */
  watch(visitor: Visitor, stream: Writable, place: StreamPlace): void {
    const subscriber = new StreamSubscriber({ stream, principal: visitor.principal, place: 0, instance: undefined });
    const { principal } = visitor;
    const isBusy = (): boolean => stream.writableLength > 0;
    const watcher = { visitor, principal, reader: this.#book.open(), stream: subscriber, isBusy };
    this.#watchers.add(watcher);
    place.end = (error) => void subscriber.end(error);
    place.whenOver(() => this.#leave(watcher));
    subscriber.send(frame('hello', '{}'));
  }

  /** Shows the browsers that we are here and how fresh everything is, and finds those that are not. */
  beat(): void {
    const { clock, repositories } = this.#options;
    for (const { principal, stream } of this.#watchers) {
      const seen = repositories.followers.filter(
        ({ isKnown, upstream }) => isKnown && principal.mayRead(upstream.name),
      );
      const asOf = Object.fromEntries(seen.map((each) => [each.upstream.name, new Date(each.asOf).toISOString()]));
      stream.beat(frame('beat', visibleJson({ relay: describeRelay(this.#options, principal, clock.now()), asOf })));
    }
  }

  /**
   * Ends the streams of those whose access is over.
   * @param hasNewRules the access file is another one: the others read everything again, as it is for them now
   */
  recheck(hasNewRules = false): void {
    for (const watcher of this.#watchers) {
      const now = watcher.visitor.renewed();
      if (now?.id !== watcher.principal.id) this.#end(watcher);
      else {
        watcher.principal = now;
        if (hasNewRules) watcher.stream.send(frame('reset', '{}'));
      }
    }
  }

  /** Ends the streams of all that showed a certificate: other authorities vouch for them now. */
  endCertificates(): void {
    for (const watcher of this.#watchers) if (watcher.principal.id.startsWith('certificate ')) this.#end(watcher);
  }

  close(): void {
    for (const watcher of this.#watchers) {
      watcher.stream.drop();
      this.#leave(watcher);
    }
  }

  #end(watcher: Watcher): void {
    const detail = 'the session is over, or the access file does not let it go on';
    watcher.stream.end(new SidecarError('ERR_RELAY_REFUSED', { op: 'serve a stream', detail }));
    this.#leave(watcher);
  }

  #leave(watcher: Watcher): void {
    if (this.#watchers.delete(watcher)) this.#book.close(watcher.reader);
  }

  #note(key: string, item: Item): void {
    this.#book.note(key, item);
    if (this.#book.isRead) this.#plan();
  }

  #plan(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    after(this.#options.clock, ROUND_MS, () => void this.#round());
  }

  async #round(): Promise<void> {
    const round = new Round(this.#options);
    for (const watcher of [...this.#watchers]) {
      const { principal, reader, stream, isBusy } = watcher;
      // A slow one gets less often what changed, and then more of it at once.
      if (!this.#book.hasNews(reader) || isBusy()) continue;
      const items = this.#book.take(reader, MOST_AT_ONCE)?.map(({ item }) => item);
      if (items && hasMany(items, this.#options)) await round.prepare(principal, items);
      if (this.#watchers.has(watcher))
        stream.send(items ? frame('change', round.write(watcher.principal, items)) : frame('reset', '{}'));
    }
    this.#isDue = false;
    for (const { reader } of this.#watchers) if (this.#book.hasNews(reader)) this.#plan();
  }
}

function frame(kind: 'hello' | 'change' | 'reset' | 'beat', data: string): Buffer {
  return Buffer.from(`event: ${kind}\ndata: ${data}\n\n`);
}

/** Some repository of these has so many refs that they are looked at while other work goes on. */
function hasMany(items: readonly Item[], { follower }: Pick<LiveFeedOptions, 'follower'>): boolean {
  return items.some((item) => item.kind === 'repository' && (follower(item.repository)?.refs.size ?? 0) > MANY_REFS);
}

/** Several browsers watch the same things: each is written once a round. */
class Round {
  readonly #options: LiveFeedOptions;
  readonly #now: number;
  readonly #members = new Map<Member, string>();
  readonly #repositories = new Map<string, string>();
  readonly #rollouts = new Map<string, readonly { readonly ref: string; readonly json: string }[]>();

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    this.#now = options.clock.now();
  }

  /** To be awaited before {@link write}, where repositories have very many refs. */
  async prepare(principal: Principal, items: readonly Item[]): Promise<void> {
    for (const item of items) {
      const followed = item.kind === 'repository' ? this.#options.follower(item.repository) : undefined;
      if (followed && principal.mayRead(followed.upstream.name))
        await prepareTips(followed.refs, principal.viewOf(followed.upstream.name));
    }
  }

  /** The data of a `change`: a {@link ChangeDocument}. */
  write(principal: Principal, items: readonly Item[]): string {
    const [instances, gone, repositories, rollouts]: [string[], number[], string[], string[]] = [[], [], [], []];
    const governed: string[] = [];
    for (const item of items) {
      const name = item.kind === 'instance' ? item.member.repository : item.repository;
      if (!principal.mayRead(name)) continue;
      const view = principal.viewOf(name);
      if (item.kind === 'instance') {
        const isSeen = !item.isForgotten && refsOfMember(item.member).every(view.shows);
        if (isSeen) instances.push(this.#member(item.member));
        else gone.push(item.member.number);
      } else if (item.kind === 'repository') repositories.push(this.#repository(name, view));
      else {
        governed.push(JSON.stringify(name));
        for (const { ref, json } of this.#entries(name))
          if (view.shows(ref)) rollouts.push(`{"maySteer":${principal.maySteer(name, ref)},${json.slice(1)}`);
      }
    }
    const relay = visibleJson(describeRelay(this.#options, principal, this.#now));
    const lists = `"instances":[${instances}],"gone":[${gone}],"repositories":[${repositories}]`;
    return `{"relay":${relay},${lists},"governed":[${governed}],"rollouts":[${rollouts}]}`;
  }

  #member(member: Member): string {
    return remembered(this.#members, member, () => {
      const { repository } = member;
      return visibleJson({ repository, ...describeMember(member, this.#now) });
    });
  }

  #repository(name: RepositoryName, view: RefView): string {
    return remembered(this.#repositories, `${name}\n${view.id}`, () => {
      const { follower, fleet } = this.#options;
      const followed = follower(name);
      return visibleJson(followed ? describeRepository(followed, fleet, view) : { repository: name, gone: true });
    });
  }

  #entries(name: RepositoryName): readonly { readonly ref: string; readonly json: string }[] {
    return remembered(this.#rollouts, name, () => {
      const all = this.#options.rollouts.describe((each) => (each === name ? () => true : undefined));
      return [...all].map((entry) => ({ ref: entry.ref, json: visibleJson(entry) }));
    });
  }
}

function remembered<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
