import type { Oid } from '../../model/oid.ts';

/** What `run` says of its process. */
export interface InstanceRun {
  readonly oid: Oid;
  /** `rolled-back`: the revision failed, and the former one runs. */
  readonly state: 'starting' | 'ready' | 'failed' | 'rolled-back' | 'restarting';
  /** How often the process ended by itself with this revision; undefined: it is not known. */
  readonly ended?: number | undefined;
  /** Why, in one line that may be shown. */
  readonly detail?: string | undefined;
}

/** A subscriber of one governed ref, as its relay knows it. */
export interface Instance {
  /** The same for the same instance when it comes back: its owner and its name. For one that has no name: its stream. */
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly connected: boolean;
  /** It never reports (plain streams, relays below), so nothing waits for it. It belongs to the last stage. */
  readonly silent?: boolean | undefined;
  readonly published?: Oid | undefined;
  readonly running?: InstanceRun | undefined;
  /** It keeps a process, also while there is nothing to run. undefined: it does where {@link running} is known. */
  readonly runs?: boolean | undefined;
}
