/** Something that several parts of a process use together. */
export interface Lease<T> {
  readonly value: T;
  /** Gives it back; the last one to do so ends it. May be called more than once. */
  release(): void;
}

interface Entry {
  readonly making: Promise<{ readonly value: unknown; readonly end: () => void }>;
  users: number;
}

/** Makes each thing once for all parts of the process that want it at the same time. The key says what it is. */
export class Leases {
  readonly #entries = new Map<string, Entry>();

  /** @throws what `make` throws, for every caller that waits for it */
  async lease<T>(key: string, make: () => Promise<{ readonly value: T; readonly end: () => void }>): Promise<Lease<T>> {
    const entry = this.#entries.get(key) ?? { making: make(), users: 0 };
    this.#entries.set(key, entry);
    entry.users += 1;
    let isOut = true;
    const release = (): void => {
      if (!isOut) return;
      isOut = false;
      entry.users -= 1;
      if (entry.users > 0) return;
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      entry.making.then(({ end }) => end()).catch(() => undefined);
    };
    try {
      return { value: (await entry.making).value as T, release };
    } catch (error) {
      release();
      throw error;
    }
  }
}
