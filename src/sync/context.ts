import type { Spare } from '../checkout/spare.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { CommitFetcher } from '../fetch/fetch-commit.ts';
import type { Layout } from '../fetch/layout.ts';
import type { NotifiedCommits } from '../fetch/notified-commits.ts';
import type { PackFetch } from '../fetch/pack-fetch.ts';
import type { Repository } from '../fetch/repository.ts';
import type { Git } from '../git/git.ts';
import type { HermeticGit } from '../git/hermetic.ts';
import type { IntoDirectory } from '../into/into-directory.ts';
import type { Oid } from '../model/oid.ts';
import type { SyncObserver } from '../model/sync-observer.ts';
import type { HookRunner } from '../notify/hook-runner.ts';
import type { Notification } from '../notify/notification.ts';
import type { Clock } from '../platform/clock.ts';
import type { Flush } from '../platform/flush.ts';
import type { Logger } from '../platform/log.ts';
import type { Tracer } from '../platform/trace/tracer.ts';
import type { RefChoice } from '../poll/ref-choice.ts';
import type { RefSource } from '../poll/ref-source.ts';
import type { Membership } from '../publish/publish-group.ts';
import type { CredentialSource } from '../remote/credential-source.ts';
import type { Verification } from '../verify/verification.ts';
import type { BootReading } from './boot-reading.ts';
import type { WiredStore } from './wiring/shared-store.ts';

/** Everything that the stages work with; made once by the wiring. Each of them names the parts that it takes, as `Needs`. */
export interface SyncContext {
  readonly config: SyncConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly git: Git;
  readonly hermetic: HermeticGit;
  readonly layout: Layout;
  readonly repository: Repository;
  /** Whether what is published is whole, after a start of the machine. */
  readonly bootReading: BootReading;
  readonly fetcher: CommitFetcher;
  readonly packFetch: PackFetch;
  /** Where objects are shared with other syncs; undefined: this one keeps them for itself. */
  readonly store: WiredStore | undefined;
  readonly spare: Spare;
  /** Set where what is published has to be on the disk before. */
  readonly flush: Flush | undefined;
  /** The directory of `--into`; undefined: there is none. */
  readonly into: IntoDirectory | undefined;
  /** See `CheckoutPlan`. */
  readonly surroundings: string;
  readonly source: RefSource;
  /** Which ref is followed. */
  readonly choice: RefChoice;
  readonly credentials: CredentialSource;
  readonly observer: SyncObserver;
  /** undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** Other syncs whose revisions become visible together with this one's; undefined: there are none. */
  readonly group: Membership | undefined;
  /** Decides what may be published; undefined: nothing has to be verified. */
  readonly verification: Verification | undefined;
  /** They run after a publish, each at its own pace. */
  readonly hooks: readonly HookRunner[];
  /** Which commit each consumer that learns what changed was last notified of. */
  readonly notified: NotifiedCommits;
  /** Asked before a publish, with the commit that is published now; throws to refuse. */
  readonly prePublish:
    | ((notification: Notification, published: Oid | undefined, signal: AbortSignal) => Promise<void>)
    | undefined;
}

/** The parts of the context with these names. */
export type Needs<Names extends keyof SyncContext> = Pick<SyncContext, Names>;
