import type { Oid } from '../../model/oid.ts';
import type { Logger } from '../../platform/log.ts';
import { OneAtATime } from '../../platform/one-at-a-time.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { keptCommits, SILENT } from '../server/rollouts/governed-repository.ts';
import type { DecisionStore, StoredRefs } from '../server/rollouts/rollout-store.ts';
import type { ReadRecord } from './records.ts';
import type { ShownDecisions } from './shown.ts';

/** The part of a follower that is needed to show what another relay decided. */
export interface ShowingFollower {
  /** @returns whether the commit came within `ms` */
  bring(oid: Oid, ms: number): Promise<boolean>;
  keep(ref: string, oids: readonly Oid[]): void;
}

export interface PresenterOptions {
  readonly shown: ShownDecisions;
  /** What was shown last, for a start while the bucket cannot be reached. */
  readonly cache: DecisionStore;
  readonly follower: (name: RepositoryName) => ShowingFollower | undefined;
  /** The keys of all instances here that follow the repository. */
  readonly instances: (name: RepositoryName) => readonly string[];
  readonly onReleased: (name: RepositoryName, instances: ReadonlySet<string>) => void;
  readonly log: Logger;
}

/** How long a commit that was released may take to come here. After that it is shown, and instances ask again for it. */
const PATIENCE_MS = 5000;
const NEVER = new AbortController().signal;

/** Commits that some instance is shown. */
function targetsOf(refs: StoredRefs): Set<Oid> {
  const all = Object.values(refs).flatMap(({ state, silent }) => [
    ...[state.completed?.oid, silent],
    ...state.members.map(({ target }) => target),
  ]);
  return new Set(all.filter((oid) => oid !== undefined));
}

/** Shows what was decided: the newest record of each repository, when its commits are here. */
export class Presenter {
  readonly #options: PresenterOptions;
  readonly #waiting = new Map<RepositoryName, ReadRecord>();
  readonly #working = new Set<RepositoryName>();
  /** The revision of the newest record. */
  readonly #newest = new Map<RepositoryName, number>();
  readonly #turns = new OneAtATime();

  constructor(options: PresenterOptions) {
    this.#options = options;
  }

  /** Everything comes again, perhaps from a bucket that has lost what it had and counts anew. */
  begin(): void {
    this.#newest.clear();
  }

  /** A record that comes twice, or after a newer one, changes nothing. */
  take(record: ReadRecord): void {
    const { repository, revision } = record;
    if (revision <= (this.#newest.get(repository) ?? 0)) return;
    this.#newest.set(repository, revision);
    this.#waiting.set(repository, record);
    void this.#present(repository);
  }

  /** Never the one before the newest: what was halted meanwhile must reach nobody. */
  async #present(name: RepositoryName): Promise<void> {
    if (this.#working.has(name)) return;
    this.#working.add(name);
    try {
      for (let record = this.#waiting.get(name); record; record = this.#waiting.get(name)) {
        await this.#bring(record);
        if (this.#waiting.get(name) !== record) continue;
        this.#waiting.delete(name);
        this.#show(record);
      }
    } catch (error) {
      this.#options.log.error(error, 'what was decided about rollouts cannot be shown', { repository: name });
    } finally {
      this.#working.delete(name);
    }
  }

  async #bring({ repository, refs }: ReadRecord): Promise<void> {
    const { follower: find, shown, log } = this.#options;
    const follower = find(repository);
    const before = targetsOf(shown.of(repository) ?? {});
    const missing = follower ? [...targetsOf(refs)].filter((oid) => !before.has(oid)) : [];
    await Promise.all(
      missing.map(async (hash) => {
        if (await follower?.bring(hash, PATIENCE_MS)) return;
        log.warn('a commit that was released is not here; it is shown, and brought when an instance asks for it', {
          repository,
          hash,
        });
      }),
    );
  }

  #show({ repository, refs, policies }: ReadRecord): void {
    const { shown, follower, instances, onReleased } = this.#options;
    const moved = shown.take(repository, refs, policies);
    for (const [ref, oids] of keptCommits(refs)) follower(repository)?.keep(ref, oids);
    const keys = moved === 'everybody' ? new Set([SILENT, ...instances(repository)]) : moved;
    if (keys.size > 0) onReleased(repository, keys);
    void this.#remember(repository);
  }

  /** In turns, and of each repository only the last. */
  async #remember(name: RepositoryName): Promise<void> {
    const { cache, shown, log } = this.#options;
    const refs = shown.of(name);
    try {
      await this.#turns.run(async () => {
        if (refs && shown.of(name) === refs) await cache.save(name, refs);
      }, NEVER);
    } catch (error) {
      log.error(error, 'what was decided about rollouts cannot be kept on the disk', { repository: name });
    }
  }
}
