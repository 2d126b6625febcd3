import type { InstanceDocument } from '../server/fleet/member.ts';
import type { RolloutEntry } from '../server/rollouts/rollout-desk.ts';
import type { RelayOverview, RepositoryOverview } from './overview.ts';

/** An instance in an event. */
export interface InstanceEntry extends InstanceDocument {
  readonly repository: string;
}

/** A governed ref as `GET /rollouts` and events show it. */
export interface SteeredEntry extends RolloutEntry {
  /** The client may give orders about it. */
  readonly maySteer: boolean;
}

/** The data of a `change`: everything in it is whole, and takes the place of what was known. */
export interface ChangeDocument {
  readonly relay: RelayOverview;
  readonly instances: readonly InstanceEntry[];
  /** The numbers of instances that are forgotten, or may not be seen any more. */
  readonly gone: readonly number[];
  readonly repositories: readonly (RepositoryOverview | { readonly repository: string; readonly gone: true })[];
  /** Repositories of which all governed refs are in `rollouts`. */
  readonly governed: readonly string[];
  readonly rollouts: readonly SteeredEntry[];
}

/** What `GET /commits` shows of a commit. */
export interface CommitDocument {
  readonly subject: string;
  readonly author: string;
  /** When it was committed; ISO 8601. */
  readonly at: string;
}
