import { SidecarError } from '../model/error.ts';
import type { SyncContext } from './context.ts';
import type { Cycle } from './cycle.ts';
import { checkout } from './stages/checkout.ts';
import { publish } from './stages/publish.ts';

/**
 * When the remote cannot be asked and nothing whole is published any more, publishes the last revision again from the
 * objects that are here: a consumer must not go without because the git server is down.
 */
export async function restoreLastRevision(context: SyncContext, cycle: Cycle): Promise<void> {
  const { repository, config, log } = context;
  const { oid, ref, url } = repository.state;
  const asked = cycle.wanted !== undefined;
  if (asked || cycle.live || !cycle.plan || !oid || !repository.exists || url !== config.remote.fetchUrl) return;
  cycle.wanted = { ref: ref ?? config.target.requested, oid };
  try {
    await checkout.run(context, cycle);
    await publish.run(context, cycle);
    log.warn('the remote cannot be asked: the last revision was published again', { hash: oid });
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    log.info(1, 'the last revision could not be restored', { hash: oid, reason: error.message });
  }
}
