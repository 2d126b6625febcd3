import type { Follower } from '../mirror/follower.ts';
import { Channel, type ChannelRefs } from './channel.ts';
import { refsIn } from './ref-view.ts';
import type { SelectedRefs } from './selected-refs.ts';

function keyOf({ wanted, view }: ChannelRefs): string {
  return [view.id, wanted.id].join('\n');
}

/** The channels that have subscribers. */
export class Channels {
  readonly #relay: string;
  readonly #selected: SelectedRefs;
  readonly #byFollower = new Map<Follower, Map<string, Channel>>();

  constructor(relay: string, selected: SelectedRefs) {
    this.#relay = relay;
    this.#selected = selected;
  }

  has(follower: Follower): boolean {
    return this.#byFollower.has(follower);
  }

  find(wanted: ChannelRefs): Channel | undefined {
    return this.#byFollower.get(wanted.follower)?.get(keyOf(wanted));
  }

  /** The one that is there, or a new one. */
  open(wanted: ChannelRefs): Channel {
    const known = this.find(wanted);
    if (known) return known;
    const { follower, view } = wanted;
    const channel = new Channel(wanted, this.#selected.select(refsIn(follower.refs, view), wanted.wanted), this.#relay);
    const ofFollower = this.#byFollower.get(follower) ?? new Map<string, Channel>();
    this.#byFollower.set(follower, ofFollower.set(keyOf(channel), channel));
    return channel;
  }

  /** Forgets `channel` if nobody is left in it. */
  close(channel: Channel): void {
    if (!channel.isEmpty) return;
    const ofFollower = this.#byFollower.get(channel.follower);
    if (ofFollower?.get(keyOf(channel)) === channel) ofFollower.delete(keyOf(channel));
    if (ofFollower?.size === 0) this.#byFollower.delete(channel.follower);
  }

  /** Lists of their own. */
  of(follower: Follower): Channel[] {
    return [...(this.#byFollower.get(follower)?.values() ?? [])];
  }

  all(): Channel[] {
    return [...this.#byFollower.values()].flatMap((ofFollower) => [...ofFollower.values()]);
  }
}
