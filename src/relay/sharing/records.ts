import { createHash } from 'node:crypto';
import { SidecarError } from '../../model/error.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Bucket, Closing, Kept, Watcher } from './bucket.ts';
import {
  type DecisionRecord,
  joinParts,
  listHead,
  packRecord,
  partsOf,
  readRecord,
  splitPacked,
  wholeHead,
} from './record.ts';

/** A newer head may take the place of one that is being read, and its parts go. */
const MOST_TRIES = 3;

/** A record, and the revision of its head. */
export interface ReadRecord extends DecisionRecord {
  readonly revision: number;
}

/** So many writes of parts in a row may be under way, without that one touches what another one is about. */
const SLOTS = 8;

const shortDigest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** The records of a group in its bucket. The head of each decides: parts without a head are waste. */
export class Records {
  readonly #bucket: Bucket;
  readonly #group: string;
  #writes = 0;

  constructor(bucket: Bucket, group: string) {
    this.#bucket = bucket;
    this.#group = group;
  }

  get leaseKey(): string {
    return `${this.#group}.lease`;
  }

  /** Names of repositories have characters that keys may not have. */
  keyOf(repository: RepositoryName): string {
    return `${this.#states}.${shortDigest(repository)}`;
  }

  get #states(): string {
    return `${this.#group}.state`;
  }

  get #parts(): string {
    return `${this.#group}.part`;
  }

  /** @throws when the bucket cannot be reached @throws SidecarError ERR_ROLLOUT_STATE */
  async all(): Promise<readonly ReadRecord[]> {
    const found = await Promise.all((await this.#bucket.keys(this.#states)).map(async (key) => await this.#at(key)));
    return found.filter((each) => each !== undefined);
  }

  async of(repository: RepositoryName): Promise<ReadRecord | undefined> {
    return await this.#at(this.keyOf(repository));
  }

  async #at(key: string): Promise<ReadRecord | undefined> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const kept = await this.#bucket.read(key);
      const record = kept && (await this.#whole(kept));
      if (!kept || record) return record;
    }
    const detail = 'parts of it are missing';
    throw new SidecarError('ERR_ROLLOUT_STATE', { op: 'read the shared rollouts', target: key, detail });
  }

  /** @returns undefined when its parts are gone: then there is a newer head */
  async #whole({ value, revision }: Kept): Promise<ReadRecord | undefined> {
    const list = partsOf(value);
    if (!list) return { ...readRecord(value.subarray(1)), revision };
    const keys = Array.from({ length: list.count }, (_, index) => `${this.#parts}.${list.base}.${index}`);
    const parts = await Promise.all(keys.map(async (key) => await this.#bucket.read(key)));
    const packed = joinParts(
      list,
      parts.flatMap((part) => (part ? [part.value] : [])),
    );
    return packed && { ...readRecord(packed), revision };
  }

  /**
   * Writes over the record that has the revision `after`.
   * @returns the revision; undefined: another record is there
   * @throws when it is not known whether it was written
   */
  async write(record: DecisionRecord, after: number): Promise<number | undefined> {
    const packed = packRecord(record);
    const key = this.keyOf(record.repository);
    if (packed.length < this.#bucket.largest) return await this.#bucket.write(key, wholeHead(packed), after);
    const before = await this.#bucket.read(key);
    const used = before && partsOf(before.value)?.base;
    const own = shortDigest(`${record.writer}\n${record.repository}`);
    const base = this.#freeSlot(own, used);
    const parts = splitPacked(packed, this.#bucket.largest, record.repository);
    for (const [index, part] of parts.entries()) await this.#writePart(`${this.#parts}.${base}.${index}`, part);
    const revision = await this.#bucket.write(key, listHead(base, parts), after);
    const former = used?.split('.')[0];
    if (revision !== undefined && former !== undefined && former !== own) await this.#removeParts(former);
    return revision;
  }

  /** Each writer has slots of its own, so one that no longer decides damages nothing. */
  #freeSlot(own: string, used: string | undefined): string {
    this.#writes += 1;
    const slot = `${own}.${this.#writes % SLOTS}`;
    return slot === used ? this.#freeSlot(own, used) : slot;
  }

  async #writePart(key: string, part: Uint8Array): Promise<void> {
    const before = await this.#bucket.read(key);
    if ((await this.#bucket.write(key, part, before?.revision ?? 0)) !== undefined) return;
    const detail = 'a part of it was written at the same time';
    throw new SidecarError('ERR_ROLLOUT_DECIDER', { op: 'write down a decision', target: key, detail });
  }

  /** Those of a relay that decided before. What is left of them does no harm. */
  async #removeParts(writer: string): Promise<void> {
    const keys = await this.#bucket.keys(`${this.#parts}.${writer}`).catch(() => []);
    for (const key of keys) await this.#bucket.remove(key).catch(() => undefined);
  }

  /** Follows all records, in the order in which they were written. @param onFailure one of them could not be read */
  follow(watcher: Watcher<ReadRecord>, onFailure: (error: unknown) => void): Closing {
    let last: Promise<void> = Promise.resolve();
    const inTurn = (work: () => void | Promise<void>): void => {
      last = last.then(work).catch(onFailure);
    };
    const take = async (kept: Kept): Promise<void> => {
      const record = await this.#whole(kept);
      if (record) watcher.take(record);
    };
    return this.#bucket.watch(this.#states, {
      begin: () => inTurn(() => watcher.begin()),
      take: (kept) => inTurn(async () => await take(kept)),
      loaded: () => inTurn(() => watcher.loaded()),
    });
  }
}
