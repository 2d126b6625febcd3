import { type FleetMessage, type SeatedStream, streamKey } from './messages.ts';

/** What is known of one relay. */
interface Roster {
  number: number;
  heardAt: number;
  readonly streams: Map<string, SeatedStream>;
  /** A list that has begun to come: its parts, and the streams in them. */
  list: { readonly id: number; readonly parts: Set<number>; readonly keys: Set<string> } | undefined;
}

/** What a message changed. */
export interface RosterNews {
  /** Streams that opened or reported. */
  readonly set: readonly SeatedStream[];
  readonly gone: readonly SeatedStream[];
  /** A message before it got lost: the relay has to send its whole list. */
  readonly isIncomplete: boolean;
}

const NOTHING: RosterNews = { set: [], gone: [], isIncomplete: false };

/**
 * The streams of all relays of the group, as the relay that decides knows them. Messages may get lost or come twice. A
 * stream that another one has replaced is left out, although the relay that held it may not have noticed its end.
 */
export class Rosters {
  readonly #rosters = new Map<string, Roster>();
  /** How many streams say that they replace this one. */
  readonly #replaced = new Map<string, number>();

  get relays(): readonly string[] {
    return [...this.#rosters.keys()];
  }

  /** @param now on the monotonic clock, in milliseconds */
  take({ from, number, set, gone, all }: FleetMessage, now: number): RosterNews {
    const known = this.#rosters.get(from);
    if (known && number <= known.number) return NOTHING;
    const isIncomplete = all?.part !== 0 && number !== (known?.number ?? 0) + 1;
    const roster = known ?? { number, heardAt: now, streams: new Map(), list: undefined };
    this.#rosters.set(from, roster);
    roster.number = number;
    roster.heardAt = now;
    const news = set.filter((stream) => this.#set(roster, stream));
    const ended = [...gone, ...(all ? this.#missing(roster, all, set) : [])];
    // What changes while a list is on its way is newer than the list.
    if (!all) for (const { owner, report } of set) roster.list?.keys.add(streamKey(owner, report.stream));
    return { set: news, gone: ended.flatMap((key) => this.#remove(roster, key) ?? []), isIncomplete };
  }

  /** Forgets relays that were silent for `ms`. @returns their streams */
  expire(now: number, ms: number): readonly SeatedStream[] {
    const silent = [...this.#rosters].filter(([, { heardAt }]) => now - heardAt >= ms);
    return silent.flatMap(([from, roster]) => {
      this.#rosters.delete(from);
      return [...roster.streams.keys()].flatMap((key) => this.#remove(roster, key) ?? []);
    });
  }

  /** @returns false for a stream that another one has replaced */
  #set(roster: Roster, stream: SeatedStream): boolean {
    const { owner, report } = stream;
    const key = streamKey(owner, report.stream);
    if (!roster.streams.has(key) && report.replaces !== undefined) this.#count(owner, report.replaces, 1);
    roster.streams.set(key, stream);
    return !this.#replaced.has(key);
  }

  #remove(roster: Roster, key: string): SeatedStream | undefined {
    const stream = roster.streams.get(key);
    roster.streams.delete(key);
    if (stream?.report.replaces !== undefined) this.#count(stream.owner, stream.report.replaces, -1);
    return stream;
  }

  #count(owner: string, stream: string, more: number): void {
    const key = streamKey(owner, stream);
    const count = (this.#replaced.get(key) ?? 0) + more;
    if (count > 0) this.#replaced.set(key, count);
    else this.#replaced.delete(key);
  }

  /** When a list is whole: the streams that are not in it. */
  #missing(
    roster: Roster,
    { id, part, parts }: NonNullable<FleetMessage['all']>,
    set: readonly SeatedStream[],
  ): readonly string[] {
    if (roster.list?.id !== id) roster.list = { id, parts: new Set(), keys: new Set() };
    const { list } = roster;
    list.parts.add(part);
    for (const { owner, report } of set) list.keys.add(streamKey(owner, report.stream));
    if (list.parts.size < parts) return [];
    roster.list = undefined;
    return [...roster.streams.keys()].filter((key) => !list.keys.has(key));
  }
}
