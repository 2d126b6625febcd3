/** A value as the bucket has it. */
export interface Kept {
  readonly value: Uint8Array;
  /** Grows with each write to the bucket. */
  readonly revision: number;
}

/** Ends what was begun. */
export interface Closing {
  close(): void;
}

/** Values that all relays of a group see, and that none of them overwrites without having seen them. */
export interface Bucket {
  /** Bytes that one value may have. */
  readonly largest: number;
  /** @returns undefined: there is none @throws when the bucket cannot be reached */
  read(key: string): Promise<Kept | undefined>;
  /**
   * Writes over what has the revision `after`; 0: where nothing is.
   * @returns the new revision; undefined: another value is there
   * @throws when it is not known whether it was written
   */
  write(key: string, value: Uint8Array, after: number): Promise<number | undefined>;
  /** @throws when it is not known whether it is gone */
  remove(key: string): Promise<void>;
  /** Keys that begin with `prefix` and a dot. */
  keys(prefix: string): Promise<readonly string[]>;
  /** Follows the values whose keys begin with `prefix` and a dot, and begins with those that are there. */
  watch(prefix: string, watcher: Watcher<Kept>): Closing;
}

export interface Watcher<T> {
  /** All that is there is about to come, at first or again after an interruption. */
  begin(): void;
  take(value: T): void;
  /** All that was there has come. */
  loaded(): void;
}

/** What relays of a group send to each other. Messages may get lost; those of one relay keep their order. */
export interface Wire {
  /** Bytes that one message may have. */
  readonly largest: number;
  readonly isConnected: boolean;
  /** Lost where nobody listens, or while there is no connection. */
  send(topic: string, message: Uint8Array): void;
  listen(topic: string, take: (message: Uint8Array) => void): Closing;
  /** @throws when no answer comes in time, or nobody answers questions of this topic */
  ask(topic: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  answer(topic: string, take: (question: Uint8Array) => Promise<Uint8Array>): Closing;
}
