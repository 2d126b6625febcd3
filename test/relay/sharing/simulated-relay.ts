import type { Policy } from '../../../src/config/rollout-policy.ts';
import type { Oid } from '../../../src/model/oid.ts';
import type { Clock } from '../../../src/platform/clock.ts';
import type { Refs } from '../../../src/relay/protocol/refs.ts';
import type { Report } from '../../../src/relay/protocol/report.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/relay/protocol/repository-name.ts';
import type { JournalEntry } from '../../../src/relay/rollout/journal.ts';
import type { DecisionStore, StoredRefs } from '../../../src/relay/server/rollouts/rollout-store.ts';
import { instanceKey } from '../../../src/relay/server/rollouts/rollouts.ts';
import { refsIn, WHOLE_VIEW } from '../../../src/relay/server/streams/ref-view.ts';
import { SharedRollouts } from '../../../src/relay/sharing/shared-rollouts.ts';
import { refsOf } from '../../kit/relay-fakes.ts';
import { silentLog } from '../../kit/silent-log.ts';
import type { SimulatedLink, SimulatedNats } from './simulated-nats.ts';

export const NAME = parseRepositoryName('git.example.com/team/app.git') as RepositoryName;
export const MAIN = 'refs/heads/main';
const HOTFIX = 'refs/heads/hotfix/1';
export const OWNER = 'bearer fleet';
export const GROUP = 'sim';

/** What a relay keeps below its root, through restarts. */
export class SimulatedDisk implements DecisionStore {
  readonly isBinding = false;
  readonly kept = new Map<RepositoryName, StoredRefs>();

  async open(): Promise<ReadonlyMap<RepositoryName, StoredRefs>> {
    return new Map(this.kept);
  }

  async save(name: RepositoryName, refs: StoredRefs): Promise<void> {
    this.kept.set(name, refs);
  }
}

export interface RelayParts {
  readonly name: string;
  readonly nats: SimulatedNats;
  readonly disk: SimulatedDisk;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly onNote: (relay: SimulatedRelay, entry: JournalEntry) => void;
  readonly onError?: (text: string) => void;
}

/** One process of a relay, without a mirror and without streams. */
export class SimulatedRelay {
  readonly name: string;
  readonly link: SimulatedLink;
  readonly rollouts: SharedRollouts;
  readonly #policy: Policy;
  /** Where the refs were when it asked the git server last. */
  refs: Refs = new Map();

  constructor({ name, nats, disk, clock, policy, onNote, onError }: RelayParts) {
    this.name = name;
    this.link = nats.link();
    this.#policy = policy;
    const relay = this;
    this.rollouts = new SharedRollouts({
      ...{ group: GROUP, relay: name, bucket: this.link.bucket, wire: this.link.wire, cache: disk, clock },
      log: { ...silentLog, error: (error, text) => onError?.(`${name}: ${text} ${error}`) },
      follower: () => ({
        get refs() {
          return relay.refs;
        },
        trailersOf: async () => ({}),
        has: async () => true,
        bring: async () => true,
        keep: () => undefined,
      }),
      follow: async () => undefined,
      onReleased: () => undefined,
      onNote: (_name, entry) => onNote(relay, entry),
    });
  }

  async open(): Promise<void> {
    await this.rollouts.open([this.#policy]);
  }

  /** It asks the git server where the ref is. */
  poll(tip: Oid, hotfix?: Oid): void {
    if (this.refs.get(MAIN)?.oid === tip && this.refs.get(HOTFIX)?.oid === hotfix) return;
    this.refs = refsOf({ name: MAIN, oid: tip }, ...(hotfix ? [{ name: HOTFIX, oid: hotfix }] : []));
    void this.rollouts.look(NAME);
  }

  /** What an instance is shown here; undefined: nothing. */
  shown(instance: string): Oid | undefined {
    const view = this.rollouts.viewOf(NAME, instanceKey(OWNER, instance), WHOLE_VIEW, [MAIN]);
    return refsIn(this.refs, view).get(MAIN)?.oid;
  }

  join(report: Report): void {
    void this.rollouts.join(OWNER, NAME, report, [MAIN]);
  }

  kill(): void {
    this.link.isClosed = true;
  }
}
