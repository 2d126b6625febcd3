import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';

/** A commit that the user named is published: the remote has nothing to say about it. */
function isParked({ config: { target } }: SyncContext, { live }: Cycle): boolean {
  if (target.kind === 'oid') return live?.oid === target.oid;
  return target.kind === 'abbreviated' && live?.oid.startsWith(target.requested) === true;
}

/** Reads the credentials as they are now and hands them to git. */
export const refreshCredentials: Stage = {
  name: 'credentials',
  readsOnly: true,
  run: async (context, cycle) => {
    if (isParked(context, cycle)) return 'next';
    cycle.credentials = await context.credentials.read(cycle.signal);
    await context.hermetic.setCredentials(cycle.credentials);
    return 'next';
  },
};

/** Asks the remote for the ref we follow; a pinned commit needs no asking. */
export const poll: Stage = {
  name: 'poll',
  readsOnly: true,
  run: async (context, cycle) => {
    const { target } = context.config;
    if (cycle.live && isParked(context, cycle)) {
      cycle.wanted = { ref: target.requested, oid: cycle.live.oid };
    } else if (target.kind === 'oid') {
      cycle.wanted = { ref: target.requested, oid: target.oid };
    } else {
      const tip = await context.source.poll(target.candidates, target.requested, cycle.credentials, cycle.signal);
      cycle.tip = tip;
      cycle.wanted = { ref: tip.ref, oid: tip.oid };
      context.log.info(3, 'polled', { ref: tip.ref, hash: tip.oid });
    }
    cycle.polledAt = context.clock.monotonic();
    return 'next';
  },
};
