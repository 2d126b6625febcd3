import type { ChangeDocument, CommitDocument, InstanceEntry, SteeredEntry } from '../browser/documents.ts';
import type { OverviewDocument, RelayOverview, RepositoryOverview } from '../browser/overview.ts';
import type { SessionDocument } from '../browser/session-route.ts';

/** `live`: changes come by themselves; `polling`: everything is asked for now and then; `off`: the relay is unreachable. */
export type Link = 'starting' | 'live' | 'polling' | 'off';

export interface Contents {
  readonly overview: OverviewDocument;
  readonly rollouts: readonly SteeredEntry[];
  readonly instances: readonly InstanceEntry[];
}

export function rolloutKey({ repository, ref }: { readonly repository: string; readonly ref: string }): string {
  return `${repository}#${ref}`;
}

/** What the page knows. It is changed in place; `version` says that it was. */
export class State {
  version = 0;
  link: Link = 'starting';
  session: SessionDocument | undefined;
  isLoaded = false;
  /** Why the last thing that was asked for did not come, in a sentence. */
  trouble: string | undefined;
  relay: RelayOverview | undefined;
  /** What has to be added to the clock of this machine to get that of the relay. */
  skewMs = 0;
  readonly repositories = new Map<string, RepositoryOverview>();
  readonly rollouts = new Map<string, SteeredEntry>();
  readonly instances = new Map<number, InstanceEntry>();
  readonly commits = new Map<string, CommitDocument>();
  readonly #listeners = new Set<() => void>();

  /** @returns what ends it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Takes over what `change` does. */
  update(change: () => void): void {
    change();
    this.version += 1;
    for (const listener of this.#listeners) listener();
  }

  /** Everything, in the place of what was known. */
  fill({ overview, rollouts, instances }: Contents): void {
    this.#takeRelay(overview.relay);
    this.repositories.clear();
    for (const each of overview.repositories) this.repositories.set(each.repository, each);
    this.rollouts.clear();
    for (const each of rollouts) this.rollouts.set(rolloutKey(each), each);
    this.instances.clear();
    for (const each of instances) this.instances.set(each.number, each);
    this.isLoaded = true;
    this.trouble = undefined;
  }

  /** Forgets everything of the person who was logged in. */
  clear(): void {
    this.isLoaded = false;
    this.relay = undefined;
    for (const each of [this.repositories, this.rollouts, this.instances, this.commits]) each.clear();
  }

  apply(change: ChangeDocument): void {
    this.#takeRelay(change.relay);
    for (const each of change.repositories) {
      if ('gone' in each) this.repositories.delete(each.repository);
      else this.repositories.set(each.repository, each);
    }
    const governed = new Set(change.governed);
    for (const [key, { repository }] of this.rollouts) if (governed.has(repository)) this.rollouts.delete(key);
    for (const each of change.rollouts) this.rollouts.set(rolloutKey(each), each);
    for (const each of change.instances) this.instances.set(each.number, each);
    for (const number of change.gone) this.instances.delete(number);
  }

  /** The relay is there, and this is how fresh everything is. */
  beat(relay: RelayOverview, asOf: Readonly<Record<string, string>>): void {
    this.#takeRelay(relay);
    for (const [name, at] of Object.entries(asOf)) {
      const known = this.repositories.get(name);
      if (known) this.repositories.set(name, { ...known, asOf: at });
    }
  }

  takeOrdered(entry: SteeredEntry): void {
    const known = this.rollouts.get(rolloutKey(entry));
    this.rollouts.set(rolloutKey(entry), { ...entry, maySteer: known?.maySteer ?? true });
  }

  #takeRelay(relay: RelayOverview): void {
    this.relay = relay;
    this.skewMs = Date.parse(relay.at) - Date.now();
  }
}
