import { createHash } from 'node:crypto';
import { SidecarError } from '../../model/error.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Bucket, Closing, Kept, Watcher } from './bucket.ts';
import { type DecisionRecord, partsOf, readRecord, writeRecord } from './record.ts';

/** A newer head may take the place of one that is being read, and its parts go. */
const MOST_TRIES = 3;

/** A record, and the revision of its head. */
export interface ReadRecord extends DecisionRecord {
  readonly revision: number;
}

/** The records of a group in its bucket. The head of each decides: parts without a head are waste. */
export class Records {
  readonly #bucket: Bucket;
  readonly #group: string;

  constructor(bucket: Bucket, group: string) {
    this.#bucket = bucket;
    this.#group = group;
  }

  get leaseKey(): string {
    return `${this.#group}.lease`;
  }

  /** Names of repositories have characters that keys may not have. */
  keyOf(repository: RepositoryName): string {
    return `${this.#states}.${createHash('sha256').update(repository).digest('hex').slice(0, 32)}`;
  }

  get #states(): string {
    return `${this.#group}.state`;
  }

  #partKey(name: string): string {
    return `${this.#group}.part.${name}`;
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
    const parts: Uint8Array[] = [];
    for (const name of partsOf(value)) {
      const part = await this.#bucket.read(this.#partKey(name));
      if (!part) return undefined;
      parts.push(part.value);
    }
    return { ...readRecord(value, parts), revision };
  }

  /**
   * Writes over the record that has the revision `after`.
   * @returns the revision; undefined: another record is there
   * @throws when it is not known whether it was written
   */
  async write(record: DecisionRecord, after: number): Promise<number | undefined> {
    const { head, parts } = writeRecord(record, this.#bucket.largest);
    for (const [name, part] of parts) await this.#bucket.write(this.#partKey(name), part, 0);
    const key = this.keyOf(record.repository);
    const before = parts.size > 0 || after > 0 ? await this.#partsBefore(key, after) : [];
    const revision = await this.#bucket.write(key, head, after);
    if (revision === undefined) return undefined;
    for (const name of before)
      if (!parts.has(name)) await this.#bucket.remove(this.#partKey(name)).catch(() => undefined);
    return revision;
  }

  async #partsBefore(key: string, after: number): Promise<readonly string[]> {
    const kept = after > 0 ? await this.#bucket.read(key) : undefined;
    return kept ? partsOf(kept.value) : [];
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
