import type { CheckoutPlan } from '../checkout/plan.ts';
import type { UntouchedSpare } from '../checkout/spare.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { Credential } from '../model/credential.ts';
import type { Revision } from '../model/revision.ts';
import type { Tip } from '../poll/ref-source.ts';
import type { LinkState } from '../publish/link.ts';

/** What the stages of a cycle find. A stage returns what it found itself; a later one may find it anew. */
export interface Findings {
  readonly plan: CheckoutPlan;
  readonly link: LinkState;
  /** The worktree that the link shows, if it is one of ours and whole. */
  readonly live: Worktree | undefined;
  readonly credentials: readonly Credential[];
  /** The answer of the remote; undefined where nothing had to be asked. */
  readonly tip: Tip | undefined;
  /** What is to be published, or stays published: what the remote has, or with `--path` the last commit that changed it. */
  readonly wanted: Revision;
  /** The last commit that the remote had: with `--path` it can be a later one than the one that is published. */
  readonly considered: Revision;
  /** When that was known; milliseconds on the monotonic clock. */
  readonly polledAt: number;
  /** The wanted commit is published, whole and as configured: the stages up to the publish are left out. */
  readonly settled: boolean;
  /** Objects were fetched in this cycle. */
  readonly hasFetched: boolean;
  /** Objects that the update brought; undefined when git fetched them, which does not report a number. */
  readonly fetchedObjects: number | undefined;
  /** The spare, which is examined while the fetch goes on; undefined where none is used. */
  readonly spare: Promise<UntouchedSpare | undefined> | undefined;
  /** A finished worktree of `wanted`, to be published. */
  readonly candidate: Worktree;
  /** The link was switched. */
  readonly updated: boolean;
  /** The cycle ends here, and another one begins at once: what was found is too old. */
  readonly isStale: boolean;
  /** The cycle ends here: the wanted commit is published, and its files are still being read after a start of the machine. */
  readonly isUnread: boolean;
}

/** The findings with these names. */
export type Found<Names extends keyof Findings> = Pick<Findings, Names>;

/** Those with these names, as far as stages that are left out in a settled cycle have run. */
export type Perhaps<Names extends keyof Findings> = Partial<Pick<Findings, Names>>;

/** What one cycle has found so far. */
export type Cycle = Partial<Findings>;
