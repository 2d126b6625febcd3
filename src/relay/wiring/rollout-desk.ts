import { hostname } from 'node:os';
import type { RelayConfig } from '../../config/relay-config.ts';
import type { DeciderConfig } from '../../config/rollout-file.ts';
import { SidecarError } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { GroupLink } from '../nats/group-link.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Follower } from '../server/mirror/follower.ts';
import type { Repositories } from '../server/mirror/repositories.ts';
import { OtherDeciders } from '../server/rollouts/other-deciders.ts';
import type { OnNote, RolloutDesk } from '../server/rollouts/rollout-desk.ts';
import { RolloutStore } from '../server/rollouts/rollout-store.ts';
import { type FollowedRefs, Rollouts } from '../server/rollouts/rollouts.ts';
import { shownBy } from '../server/streams/covered-refs.ts';
import { FollowedRollouts } from '../sharing/followed-rollouts.ts';
import type { ShowingFollower } from '../sharing/presenter.ts';
import { SharedRollouts } from '../sharing/shared-rollouts.ts';

export interface DeskWiring {
  readonly config: RelayConfig;
  readonly root: string;
  /** A name of this process that no other relay has. */
  readonly relay: string;
  /** The relay that decides, where the policies name another one than this. */
  readonly follows: DeciderConfig | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly repositories: () => Repositories;
  readonly onReleased: (name: RepositoryName, instances: ReadonlySet<string>) => void;
  readonly onNote: OnNote;
}

export interface WiredDesk {
  readonly rollouts: RolloutDesk;
  close(): Promise<void>;
}

/** A commit that another relay released is asked for only where it is not here. */
function showing(follower: Follower): FollowedRefs & ShowingFollower {
  const isHere = async (oid: string): Promise<boolean> =>
    shownBy(follower.refs, follower.upstream, undefined)?.includes(oid) === true || (await follower.has(oid));
  return {
    get refs() {
      return follower.refs;
    },
    trailersOf: async (oid) => await follower.trailersOf(oid),
    has: async (oid) => await follower.has(oid),
    keep: (ref, oids) => follower.keep(ref, oids),
    bring: async (oid, ms) => (await isHere(oid)) || (await follower.bring(oid, ms)),
  };
}

/** What decides about rollouts: this relay alone, the one that the policies name, or with NATS all of a group as one. */
export function wireDesk(wiring: DeskWiring): WiredDesk {
  const { config, root, relay, follows, clock, log, repositories, onReleased, onNote } = wiring;
  if (follows) {
    const isConnected = (): boolean => repositories().followers.every(({ trouble }) => trouble === undefined);
    return { rollouts: new FollowedRollouts({ decider: follows, clock, isConnected }), close: async () => undefined };
  }
  const cache = new RolloutStore(root, 'rollouts');
  const { nats, rolloutsGroup: group } = config;
  const hasPolicies = config.rollouts !== undefined || config.policies !== undefined;
  // What a relay below sees was decided already: it cannot decide the same again.
  if (!nats || !hasPolicies || config.parent) {
    const follower = (name: RepositoryName): Follower | undefined => repositories().peek(name);
    const others = new OtherDeciders(relay, log);
    const rollouts = new Rollouts({ store: cache, clock, log, follower, onReleased, onNote, others });
    return { rollouts, close: async () => undefined };
  }
  const link = new GroupLink({ ...nats, name: hostname(), group, clock, log });
  const follow = async (name: RepositoryName, owner: string): Promise<void> => {
    if (await repositories().follow(name, owner)) return;
    const detail = '`--allow` of this relay does not name it; all relays of a group need the same';
    throw new SidecarError('ERR_ROLLOUT_DECIDER', { op: 'decide about', target: name, detail });
  };
  const rollouts = new SharedRollouts({
    ...{ group, relay, bucket: link, wire: link, cache, clock, log, follow, onReleased, onNote },
    follower: (name) => {
      const follower = repositories().peek(name);
      return follower && showing(follower);
    },
  });
  const close = async (): Promise<void> => {
    await rollouts.close();
    await link.close();
  };
  return { rollouts, close };
}
