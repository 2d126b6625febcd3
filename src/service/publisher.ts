import type { Oid } from '../model/oid.ts';

/** How the process of a run is. */
export interface ProcessFacts {
  /** What it runs; undefined while there is nothing to run, or something that is no commit. */
  readonly oid: Oid | undefined;
  readonly state: 'starting' | 'ready' | 'restarting' | 'failed';
  /** How often it ended by itself since the revision was deployed or resumed. */
  readonly ended: number;
  /** Why it is in this state; it holds no secret. */
  readonly reason: string | undefined;
  /** What the process that ended wrote last, in lines without secrets. */
  readonly output: readonly string[];
}

/** What a run that follows what is published says of it. */
export interface RunFacts {
  /** What runs, has proven itself and is ready. */
  readonly running: Oid | undefined;
  /** The last one that could not be brought to life, and why; undefined since another one, or itself, came to life. */
  readonly failed: { readonly oid: Oid; readonly reason: string; readonly output: readonly string[] } | undefined;
  readonly process: ProcessFacts;
}

/** A service that publishes, for another one of this process that works with what is published. */
export interface Publisher {
  /** Calls `listener` after each publish. @returns what ends that */
  onPublish(listener: () => void): () => void;
  /** It follows a relay, which gets its reports. */
  readonly hasRelay: boolean;
  /** Reports to the relay what runs from it; undefined without a relay. */
  readonly reportRun: ((facts: RunFacts) => void) | undefined;
  /** Resolves when no report is on its way; it may take as long as the relay is unreachable. */
  reported(): Promise<void>;
}
