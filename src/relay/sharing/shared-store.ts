import { SidecarError } from '../../model/error.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { DecisionStore, StoredRefs } from '../server/rollouts/rollout-store.ts';
import type { PolicyBook } from './policy-book.ts';
import type { ReadRecord, Records } from './records.ts';

export interface SharedStoreOptions {
  readonly records: Records;
  /** A name for this term of this relay that no other one has. */
  readonly writer: string;
  /** This relay still decides, as far as its clock can say. */
  readonly mayWrite: () => boolean;
  readonly policies: () => PolicyBook;
  /** What was decided before there was a bucket; used for repositories that the bucket does not have. */
  readonly seeds: ReadonlyMap<RepositoryName, StoredRefs>;
  readonly onWritten: (record: ReadRecord) => void;
  /** Another relay has decided since: nothing that this one decides is written any more. */
  readonly onLost: () => void;
}

/** Writes may be late, and then they are found in place of what we thought was there. */
const MOST_TRIES = 3;

function lost(repository: RepositoryName): SidecarError {
  const detail = 'another relay decides about it now';
  return new SidecarError('ERR_ROLLOUT_DECIDER', { op: 'write down a decision', target: repository, detail });
}

/** Where the relay that decides writes its decisions, for one term of it. */
export class SharedStore implements DecisionStore {
  readonly isBinding = true;
  readonly #options: SharedStoreOptions;
  readonly #revisions = new Map<RepositoryName, number>();
  #isLost = false;

  constructor(options: SharedStoreOptions) {
    this.#options = options;
  }

  /**
   * Reads what was decided, and writes it again under our name. From then on, nothing that a former relay has on its
   * way can be written.
   */
  async open(): Promise<ReadonlyMap<RepositoryName, StoredRefs>> {
    const { records, seeds } = this.#options;
    const found = new Map<RepositoryName, StoredRefs>();
    for (const { repository, refs, revision } of await records.all()) {
      this.#revisions.set(repository, revision);
      found.set(repository, refs);
    }
    for (const [repository, refs] of seeds) if (!found.has(repository)) found.set(repository, refs);
    for (const [repository, refs] of found) await this.save(repository, this.#governed(repository, refs));
    return found;
  }

  /** A ref without a policy is where the git server has it. */
  #governed(repository: RepositoryName, refs: StoredRefs): StoredRefs {
    const { policyOf } = this.#options.policies();
    return Object.fromEntries(Object.entries(refs).filter(([ref]) => policyOf(repository, ref) !== undefined));
  }

  /** Other policies are in force: `refs` was decided by the former ones, and nothing else is known of it. */
  async renew(repository: RepositoryName, refs: StoredRefs): Promise<void> {
    await this.save(repository, this.#governed(repository, refs));
  }

  /** @throws SidecarError ERR_ROLLOUT_DECIDER when another relay has decided since */
  async save(repository: RepositoryName, refs: StoredRefs): Promise<void> {
    const { records, writer, mayWrite, policies, onWritten, onLost } = this.#options;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      if (this.#isLost || !mayWrite()) throw lost(repository);
      const record = { repository, writer, policies: policies().digest, refs };
      const revision = await records.write(record, this.#revisions.get(repository) ?? 0);
      if (revision !== undefined) {
        this.#revisions.set(repository, revision);
        onWritten({ ...record, revision });
        return;
      }
      const there = await records.of(repository);
      if (there && there.writer !== writer) break;
      // One of our own, of which we did not know whether it was written; or the bucket has lost ours.
      this.#revisions.set(repository, there?.revision ?? 0);
    }
    this.#isLost = true;
    onLost();
    throw lost(repository);
  }
}
