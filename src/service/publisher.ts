import type { Oid } from '../model/oid.ts';

/** A service that publishes, for another one of this process that works with what is published. */
export interface Publisher {
  /** Calls `listener` after each publish. @returns what ends that */
  onPublish(listener: () => void): () => void;
  /** Reports to the relay what runs from it; undefined without a relay. */
  readonly reportRunning: ((oid: Oid) => void) | undefined;
}
