import type { Random } from '../../platform/clock.ts';
import type { Mark } from './marks.ts';

/** Something that has to be delivered. */
export interface Item<T> {
  /** What a wrong address or credential is about: items of one lane have both in common. */
  readonly lane: string;
  /** A newer item of the same key takes the place of one that was not sent. */
  readonly key: string;
  /** Items of one group may be delivered together, and make room for each other. */
  readonly group: string;
  readonly value: T;
  /** Entries of the journal that are done with it. */
  readonly marks: readonly Mark[];
}

/** What is delivered at a time. */
export interface Batch<T> {
  readonly items: readonly Item<T>[];
  /** So many older ones of the group are not in it: there was no room for them. */
  readonly more: number;
}

interface Entry<T> {
  item: Item<T>;
  tries: number;
  notBefore: number;
}

interface Lane<T> {
  readonly name: string;
  readonly entries: Map<string, Entry<T>>;
  /** Of a group, how many were dropped since something of it was delivered. */
  readonly dropped: Map<string, number>;
  notBefore: number;
  failures: number;
  blocks: number;
  isBlocked: boolean;
}

export interface QueueOptions {
  readonly random: Random;
  /** Items of a lane. */
  readonly most: number;
  /** Items of a group that are delivered together. */
  readonly together: number;
  /** There was no room for it, or it was refused again and again. */
  readonly onDropped: (item: Item<unknown>) => void;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
/** Before something that was refused for good is tried again. */
const FIRST_LONG_PAUSE_MS = 600_000;
const LONGEST_LONG_PAUSE_MS = 3_600_000;
const MOST_TRIES = 5;
const JITTER = 0.2;

function grown(first: number, longest: number, times: number): number {
  return Math.min(longest, first * 2 ** Math.min(times, 30));
}

/**
 * What one destination has to deliver. It waits for nothing and sends nothing: calls bring the time, in milliseconds on
 * the monotonic clock.
 */
export class Queue<T> {
  readonly #options: QueueOptions;
  readonly #lanes = new Map<string, Lane<T>>();
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return [...this.#lanes.values()].reduce((sum, { entries }) => sum + entries.size, 0);
  }

  /** Something was refused, and another credential or address may change that. */
  get isBlocked(): boolean {
    const isRefused = ({ tries }: Entry<T>): boolean => tries > 0;
    return [...this.#lanes.values()].some((lane) => lane.isBlocked || [...lane.entries.values()].some(isRefused));
  }

  put(item: Item<T>): void {
    const lane = this.#laneOf(item.lane);
    const known = lane.entries.get(item.key);
    if (known) {
      known.item = { ...item, marks: [...known.item.marks, ...item.marks] };
      known.tries = 0;
      known.notBefore = Number.NEGATIVE_INFINITY;
      return;
    }
    lane.entries.set(item.key, { item, tries: 0, notBefore: Number.NEGATIVE_INFINITY });
    if (lane.entries.size > this.#options.most) this.#makeRoom(lane, item.group);
  }

  /** The next ones that may be delivered at `now`; they stay in the queue until {@link sent}. */
  next(now: number): Batch<T> | undefined {
    if (now < this.#notBefore) return undefined;
    for (const lane of this.#lanes.values()) {
      if (now < lane.notBefore) continue;
      const due = [...lane.entries.values()].filter(({ notBefore }) => notBefore <= now).map(({ item }) => item);
      const [first] = due;
      if (!first) continue;
      // The next batch is another lane's.
      this.#lanes.delete(lane.name);
      this.#lanes.set(lane.name, lane);
      const { together } = this.#options;
      const group = together === 1 ? [first] : due.filter((item) => item.group === first.group);
      return { items: group, more: lane.dropped.get(first.group) ?? 0 };
    }
    return undefined;
  }

  /** When {@link next} may have something; undefined: not before something is put in. */
  nextAt(): number | undefined {
    const times = [...this.#lanes.values()].flatMap(({ entries, notBefore }) =>
      entries.size === 0 ? [] : [Math.max(notBefore, Math.min(...[...entries.values()].map((each) => each.notBefore)))],
    );
    return times.length === 0 ? undefined : Math.max(this.#notBefore, Math.min(...times));
  }

  /** They were taken. What came under the same key meanwhile stays. */
  sent({ items }: Batch<T>): void {
    for (const item of items) {
      const lane = this.#laneOf(item.lane);
      lane.failures = 0;
      lane.blocks = 0;
      lane.isBlocked = false;
      lane.dropped.delete(item.group);
      const entry = lane.entries.get(item.key);
      if (entry?.item === item) lane.entries.delete(item.key);
      else if (entry)
        entry.item = { ...entry.item, marks: entry.item.marks.filter((mark) => !item.marks.includes(mark)) };
      this.#forgetEmpty(lane);
    }
  }

  /** The other side has trouble. @param waitMs what it asked for; it holds for everything */
  again({ items: [item] }: Batch<T>, now: number, waitMs: number | undefined): void {
    if (!item) return;
    const lane = this.#laneOf(item.lane);
    lane.notBefore = now + this.#varied(grown(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, lane.failures));
    lane.failures += 1;
    if (waitMs !== undefined) this.#notBefore = Math.max(this.#notBefore, now + waitMs);
  }

  /** The address or the credential is wrong. */
  block({ items: [item] }: Batch<T>, now: number): void {
    if (!item) return;
    const lane = this.#laneOf(item.lane);
    lane.notBefore = now + this.#varied(grown(FIRST_LONG_PAUSE_MS, LONGEST_LONG_PAUSE_MS, lane.blocks));
    lane.blocks += 1;
    lane.isBlocked = true;
  }

  /** These messages are wrong. */
  refuse({ items }: Batch<T>, now: number): void {
    for (const item of items) {
      const lane = this.#laneOf(item.lane);
      const entry = lane.entries.get(item.key);
      if (entry?.item !== item) continue;
      entry.notBefore = now + this.#varied(grown(FIRST_LONG_PAUSE_MS, LONGEST_LONG_PAUSE_MS, entry.tries));
      entry.tries += 1;
      if (entry.tries >= MOST_TRIES) this.#drop(lane, entry);
    }
  }

  /** The credential is another one: nothing that was refused has to be refused again. */
  unblock(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.isBlocked) lane.notBefore = Number.NEGATIVE_INFINITY;
      lane.isBlocked = false;
      for (const entry of lane.entries.values()) entry.notBefore = Number.NEGATIVE_INFINITY;
    }
  }

  #laneOf(name: string): Lane<T> {
    const known = this.#lanes.get(name);
    if (known) return known;
    const notBefore = Number.NEGATIVE_INFINITY;
    const lane = { name, entries: new Map(), dropped: new Map(), notBefore, failures: 0, blocks: 0, isBlocked: false };
    this.#lanes.set(name, lane);
    return lane;
  }

  #forgetEmpty(lane: Lane<T>): void {
    if (lane.entries.size === 0 && lane.dropped.size === 0) this.#lanes.delete(lane.name);
  }

  /** The oldest of the same rollout makes room, or else the oldest. */
  #makeRoom(lane: Lane<T>, group: string): void {
    const entries = [...lane.entries.values()];
    const entry = entries.slice(0, -1).find(({ item }) => item.group === group) ?? entries[0];
    if (!entry) return;
    lane.dropped.set(entry.item.group, (lane.dropped.get(entry.item.group) ?? 0) + 1);
    this.#drop(lane, entry);
  }

  #drop(lane: Lane<T>, { item }: Entry<T>): void {
    lane.entries.delete(item.key);
    this.#options.onDropped(item);
    this.#forgetEmpty(lane);
  }

  #varied(ms: number): number {
    return ms * (1 - JITTER + 2 * JITTER * this.#options.random());
  }
}
