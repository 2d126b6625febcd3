import type { SyncConfig } from '../../config/sync-config.ts';
import type { Loan } from '../../fetch/loan.ts';
import type { Borrower, Borrowing } from '../../fetch/shared-store.ts';
import { SharedStore } from '../../fetch/shared-store.ts';
import { StoreDirectory } from '../../fetch/store-directory.ts';
import { credentialsOf } from '../../remote/git-access.ts';
import type { Ambient } from '../../service/ambient.ts';

/** A shared store, and one sync's part in it. */
export interface WiredStore extends Borrowing {
  readonly loan: Loan;
  /** Removes stores that no sync of the process uses. */
  removeUnused(signal: AbortSignal): Promise<void>;
}

/** Why the objects of a sync cannot be shared, in words; undefined when they can. */
function reasonAgainst({ mode, target, depth, filter, git, relay, nats }: SyncConfig): string | undefined {
  if (mode !== 'v4' || git !== 'git') return 'git is another program';
  if (target.kind === 'oid' || target.kind === 'abbreviated') return 'it names a commit';
  if (depth > 1) return 'its depth is neither 1 nor 0';
  if (filter !== '') return 'it has a filter';
  return relay || nats ? 'it follows a relay or NATS' : undefined;
}

/** The same for two syncs whose objects come from the same server in the same way. It holds secrets. */
function keyOf(config: SyncConfig): string {
  const { remote, depth, ssh, gitConfig, gitConfigAdd } = config;
  const access = { ...credentialsOf(config), ssh };
  return JSON.stringify([remote.fetchUrl, remote.userinfo, depth, access, gitConfig, gitConfigAdd]);
}

export interface StoreWiring extends Pick<Ambient, 'clock' | 'leases' | 'log'> {
  readonly config: SyncConfig;
}

/** How to join the store; called when everything is there that the store asks its borrowers for. */
export interface OpenStore {
  readonly loan: Loan;
  join(borrower: Omit<Borrower, 'unit'>): WiredStore;
  release(): void;
}

/**
 * The shared store of a sync; undefined where it has none.
 * @throws SidecarError ERR_DIRECTORY_FOREIGN, ERR_STORE_IN_USE, ERR_STORE_UNUSABLE
 */
export async function openStore({ config, clock, leases, log }: StoreWiring): Promise<OpenStore | undefined> {
  const { store, depth } = config;
  if (!store) return undefined;
  const reason = reasonAgainst(config);
  if (reason !== undefined) {
    log.info(0, 'this sync keeps its objects for itself', { reason });
    return undefined;
  }
  const directory = await leases.lease(`stores ${store.directory}`, async () => {
    const value = await StoreDirectory.open(store.directory, clock, log);
    return { value, end: () => value.close() };
  });
  const key = keyOf(config);
  const shared = await leases.lease(`store ${store.directory} ${key}`, async () => {
    const { repository, release } = directory.value.take(key);
    return { value: { repository, store: new SharedStore(repository, depth, clock) }, end: release };
  });
  const { repository } = shared.value;
  const release = (): void => {
    shared.release();
    directory.release();
  };
  const loan: Loan = {
    gitDir: repository.gitDir,
    get identity() {
      return repository.identity;
    },
    depth,
    suspect: () => repository.suspect(),
  };
  return {
    loan,
    release,
    join: (borrower) => {
      const borrowing = shared.value.store.join({ ...borrower, unit: store.unit });
      return {
        ...borrowing,
        loan,
        removeUnused: async (signal) => await directory.value.removeUnused(signal),
        leave: () => {
          borrowing.leave();
          release();
        },
      };
    },
  };
}
