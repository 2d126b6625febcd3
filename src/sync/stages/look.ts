import { planCheckout } from '../../checkout/plan.ts';
import { findWorktree } from '../../checkout/worktree.ts';
import { oidOfWorktreeName } from '../../fetch/layout.ts';
import { linkText, readLink } from '../../publish/link.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';

/**
 * Looks at what is published: the link, the worktree behind it and that worktree's commit. A handful of small reads,
 * whatever the size of the tree (docs/adr/0003).
 */
export const look: Stage = {
  name: 'look',
  readsOnly: true,
  run: async (context, cycle) => {
    cycle.plan = await planCheckout(context.config, context.surroundings);
    await lookAtLink(context, cycle);
    return 'next';
  },
};

async function lookAtLink(context: SyncContext, cycle: Cycle): Promise<void> {
  const { config, layout } = context;
  cycle.link = await readLink(config.link);
  cycle.live = undefined;
  if (cycle.link.kind !== 'link') return;
  const target = cycle.link.target;
  const oid = oidOfWorktreeName(target);
  if (!oid || !layout.worktreePaths(oid).includes(target)) return;
  const worktree = await findWorktree(layout.gitDir, target, oid);
  if (worktree && cycle.link.text === (await linkText(config.link, target))) cycle.live = worktree;
}
