import type { Policy } from '../../../config/rollout-policy.ts';
import type { Oid } from '../../../model/oid.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { GovernedState } from '../../rollout/governed-state.ts';
import type { GovernedView } from '../../rollout/governed-view.ts';
import type { JournalEntry } from '../../rollout/journal.ts';
import type { Order } from '../../rollout/orders.ts';
import type { RefView } from '../streams/ref-view.ts';

/** What {@link RolloutDesk.describe} shows of one ref. */
export interface RolloutEntry extends GovernedView {
  readonly repository: RepositoryName;
  readonly ref: string;
}

/** What was decided about a ref. */
export interface PlacedState {
  readonly repository: RepositoryName;
  readonly ref: string;
  readonly policy: string;
  readonly state: GovernedState;
}

/** Something happened to the rollout of a ref. @param policy its name */
export type OnNote = (name: RepositoryName, entry: JournalEntry, ref: string, policy: string) => void;

/** How several relays that decide as one stand. Times are ISO 8601. */
export interface SharingView {
  /** Those that choose by a lease; null: the policies name the relay that decides. */
  readonly group: string | null;
  /** The relay that decides; null: none does as far as this one knows. */
  readonly decider: string | null;
  readonly isDeciding: boolean;
  /** Since when that is so. */
  readonly since: string;
  /** What was decided can be read, and what is decided be written. */
  readonly isConnected: boolean;
  /** One sentence; null while all is well. */
  readonly trouble: string | null;
}

/** What the rest of a relay asks about rollouts, whether this relay decides about them or another one. */
export interface RolloutDesk {
  /** This relay decides, so notes of what happened come from it. */
  readonly isDeciding: boolean;
  /** undefined: this relay decides alone. */
  readonly sharing: SharingView | undefined;
  /** To be called where there may be policies, now or later. @throws SidecarError ERR_ROLLOUT_STATE */
  open(policies: readonly Policy[]): Promise<void>;
  /** Other policies are in force from now on; rollouts under way go on by them. */
  take(policies: readonly Policy[]): Promise<void>;
  /** Whether clients may fetch only what was released to them. */
  isEnforced(name: RepositoryName): boolean;
  /** What is kept of `name`, for the mirror, before it is opened. */
  kept(name: RepositoryName): Iterable<readonly [ref: string, oids: readonly Oid[]]>;
  /** The refs of a repository are known, or moved. */
  look(name: RepositoryName): Promise<void>;
  /**
   * Resolves when it is known where the governed refs of `name` are, or after some seconds without that. Until then they
   * are not shown.
   */
  whenDecided(name: RepositoryName): Promise<void>;
  /** A stream of an instance opened. @param names of the refs that it follows; undefined: not known by name */
  join(owner: string, name: RepositoryName, report: Report, names: readonly string[] | undefined): Promise<void>;
  report(owner: string, name: RepositoryName, report: Report): Promise<void>;
  leave(owner: string, name: RepositoryName, report: Report): Promise<void>;
  /** Time has passed; to be called about once a second. */
  tick(): Promise<void>;
  /** @throws SidecarError ERR_ROLLOUT_ORDER */
  order(name: RepositoryName, ref: string, order: Order): Promise<RolloutEntry>;
  /**
   * What an instance may see, among what its principal may see.
   * @param names of the refs that it follows; undefined for all
   */
  viewOf(name: RepositoryName, key: string, from: RefView, names: readonly string[] | undefined): RefView;
  /** @param shows which refs of a repository may be seen */
  describe(shows: (name: RepositoryName) => ((ref: string) => boolean) | undefined): Iterable<RolloutEntry>;
  /** How a ref stands; undefined: no policy is about it, or nobody has asked for its repository yet. */
  view(name: RepositoryName, ref: string): GovernedView | undefined;
  /** What was decided about each governed ref, also of repositories that nobody has asked for yet. */
  states(): Iterable<PlacedState>;
}
