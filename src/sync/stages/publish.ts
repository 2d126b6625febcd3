import { oidOfWorktreeName } from '../../fetch/layout.ts';
import { setTimesBelow } from '../../platform/files-below.ts';
import { moveLinkPlaceAside, readLink, removeLinkAt, requireReplaceable, switchLink } from '../../publish/link.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';

/** Asks the pre-publish hook; when it refuses, the cycle ends here and nothing is published. */
export const askBeforePublish: Stage = {
  name: 'pre-publish',
  run: async (context, cycle) => {
    const { wanted, candidate, live } = cycle;
    if (!context.prePublish || !wanted || !candidate || candidate === live) return 'next';
    await context.prePublish({ oid: wanted.oid, worktree: candidate.path }, cycle.signal);
    return 'next';
  },
};

/** The commit point: before it everything can be repeated, behind it everything can be retried (docs/adr/0005). */
export const publish: Stage = {
  name: 'publish',
  run: async (context, cycle) => {
    const { config, clock, log, observer, repository } = context;
    const { wanted, candidate, live } = cycle;
    if (!wanted || !candidate) return 'next';
    if (candidate === live) return 'settled';
    if (config.moveAside) {
      const aside = await moveLinkPlaceAside(config.root, config.link, clock.now());
      if (aside !== undefined)
        log.warn('moved aside what was in the place of the link', { from: config.link, to: aside });
    } else await requireReplaceable(config.link);
    await setTime(context, candidate.path);
    await switchLink(config.root, config.link, candidate.path);
    cycle.updated = true;
    const updateMs = clock.monotonic() - (cycle.polledAt ?? cycle.startedAt);
    log.info(0, 'published', {
      ref: wanted.ref,
      hash: wanted.oid,
      link: config.link,
      path: candidate.path,
      ms: Math.round(updateMs),
    });
    observer.onPublish(wanted, updateMs);
    await startStaleTimer(context, cycle);
    await removeFormerLink(context);
    await repository.remember({ oid: wanted.oid, ref: wanted.ref, link: config.link });
    return 'next';
  },
};

/** The time since which a worktree is stale is its modification time (compat.md 3). */
async function startStaleTimer(context: SyncContext, cycle: Cycle): Promise<void> {
  if (cycle.link.kind !== 'link') return;
  const { target } = cycle.link;
  const oid = oidOfWorktreeName(target);
  if (!oid || !context.layout.worktreePaths(oid).includes(target)) return;
  await setTime(context, target);
}

/** Where it cannot be set, the tree goes or stays a little too early or too late. */
async function setTime({ layout, clock }: SyncContext, path: string): Promise<void> {
  await setTimesBelow({ root: layout.root, path }, new Date(clock.now())).catch(() => undefined);
}

/** After `--link` changed, the link that we published before would dangle at the next update (compat.md 9.15). */
async function removeFormerLink(context: SyncContext): Promise<void> {
  const former = context.repository.state.link;
  if (former === undefined || former === context.config.link) return;
  const state = await readLink(former);
  if (state.kind !== 'link') return;
  const oid = oidOfWorktreeName(state.target);
  if (!oid || !context.layout.worktreePaths(oid).includes(state.target)) return;
  await removeLinkAt(context.config.root, former);
  context.log.info(0, 'removed the link of an earlier --link', { link: former });
}
