/** Something that the page shows, and that changed. */
export type Topic<Item> = { readonly key: string; readonly item: Item };

interface Entry<Item> {
  readonly item: Item;
  readonly number: number;
}

/** So many things may have changed behind the slowest reader; it has to read everything again then. */
const MOST = 50_000;

/** One who reads what changed since it read last. */
export interface Reader {
  /** The number of the last change that it has read. */
  position: number;
}

/**
 * What changed, each thing once, in the order of its last change. Nothing is noted while nobody reads, and what all
 * have read is forgotten.
 */
export class ChangeBook<Item> {
  readonly #entries = new Map<string, Entry<Item>>();
  readonly #readers = new Set<Reader>();
  readonly #most: number;
  #last = 0;
  /** Changes up to this one may be missing. */
  #floor = 0;

  constructor(most = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  /** A reader who knows everything up to now. */
  open(): Reader {
    const reader = { position: this.#last };
    this.#readers.add(reader);
    return reader;
  }

  close(reader: Reader): void {
    this.#readers.delete(reader);
    this.#forget();
  }

  note(key: string, item: Item): void {
    if (!this.isRead) return;
    this.#last += 1;
    // A key that is set again stays at its place; it has to go to the end.
    this.#entries.delete(key);
    this.#entries.set(key, { item, number: this.#last });
    if (this.#entries.size <= this.#most) return;
    for (const [oldest, { number }] of this.#entries) {
      this.#entries.delete(oldest);
      this.#floor = number;
      break;
    }
  }

  /**
   * At most `most` changes that `reader` has not read yet; it has read them then.
   * @returns undefined when some of them are not known any more; the reader has to read everything, and is up to date
   */
  take(reader: Reader, most: number): Topic<Item>[] | undefined {
    if (reader.position < this.#floor) {
      reader.position = this.#last;
      this.#forget();
      return undefined;
    }
    const topics: Topic<Item>[] = [];
    for (const [key, { item, number }] of this.#entries) {
      if (number <= reader.position) continue;
      if (topics.length >= most) break;
      topics.push({ key, item });
      reader.position = number;
    }
    this.#forget();
    return topics;
  }

  /** Whether there is something that `reader` has not read. */
  hasNews({ position }: Reader): boolean {
    return position < this.#last;
  }

  #forget(): void {
    let read = this.#last;
    for (const { position } of this.#readers) read = Math.min(read, position);
    for (const [key, { number }] of this.#entries) {
      if (number > read) return;
      this.#entries.delete(key);
    }
  }
}
