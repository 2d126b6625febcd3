import type { Oid } from '../model/oid.ts';

/** What a run that follows what is published says of it. */
export interface RunFacts {
  /** What runs, and is ready. */
  readonly running: Oid | undefined;
  /** The last one that could not be brought to life, and why; undefined since another one, or itself, came to life. */
  readonly failed: { readonly oid: Oid; readonly reason: string } | undefined;
}

/** A service that publishes, for another one of this process that works with what is published. */
export interface Publisher {
  /** Calls `listener` after each publish. @returns what ends that */
  onPublish(listener: () => void): () => void;
  /** Reports to the relay what runs from it; undefined without a relay. */
  readonly reportRun: ((facts: RunFacts) => void) | undefined;
}
