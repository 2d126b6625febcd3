import type { GroupConfig } from '../../config/sync-config.ts';
import { GroupJournal } from '../../publish/group-journal.ts';
import { type Membership, PublishGroup } from '../../publish/publish-group.ts';
import type { WiringOptions } from './wire.ts';

/** The way to the other syncs of a group in this process; its `leave` ends it. */
export async function joinGroup(
  { unit, ...group }: GroupConfig,
  { leases, wakeForGroup }: Pick<WiringOptions, 'leases' | 'wakeForGroup'>,
): Promise<Membership> {
  const lease = await leases.lease(`group ${JSON.stringify(group)}`, async () => ({
    value: new PublishGroup({ journal: new GroupJournal(group.journal), names: group.members }),
    end: () => undefined,
  }));
  const membership = lease.value.join({ name: unit, onRound: wakeForGroup });
  return {
    ...membership,
    leave: () => {
      membership.leave();
      lease.release();
    },
  };
}
