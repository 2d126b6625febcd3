import { hasSubmodules, isClean } from '../../checkout/checkout.ts';
import { markFinished, readFinished } from '../../checkout/record.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';
import type { TreeWatch } from '../tree-watch.ts';

/** True when the published worktree was made under today's settings, or git-sync made it and it fits. */
async function isAsConfigured(context: SyncContext, cycle: Cycle): Promise<boolean> {
  if (!cycle.live || !cycle.plan) return false;
  const record = await readFinished(cycle.live);
  if (record) return record.fingerprint === cycle.plan.fingerprint;
  return await adopt(context, cycle);
}

/** Takes over a worktree that git-sync made, if git says that it is clean and nothing shaped it but its commit. */
async function adopt(context: SyncContext, cycle: Cycle): Promise<boolean> {
  const { config, git, log } = context;
  const { live, plan } = cycle;
  if (!live || !plan) return false;
  const shaped = plan.sparsePatterns !== undefined || config.lfs || config.permissions !== undefined;
  if (shaped || hasSubmodules(live) || !(await context.repository.guard()) || !(await isClean(git, live, cycle.signal)))
    return false;
  await markFinished(live, plan.fingerprint);
  log.info(0, 'took over the worktree that is published', { path: live.path, hash: live.oid });
  return true;
}

/** The state file may lag behind the link: after a kill between the two, or in a root that git-sync made. */
async function rememberPublished({ repository, config }: SyncContext, { wanted, live }: Cycle): Promise<void> {
  const { oid, ref, link } = repository.state;
  if (!wanted || !live || !repository.exists || (oid === live.oid && ref === wanted.ref && link === config.link))
    return;
  await repository.remember({ oid: live.oid, ref: wanted.ref, link: config.link });
}

function historyIsAsConfigured({ config, repository }: SyncContext): boolean {
  const { depth, filter } = repository.state;
  return depth === config.depth && filter === config.filter;
}

/** For an abbreviated commit the poll tells where its branch is; which commit is meant is known after the fetch. */
function isUnresolved({ config: { target } }: SyncContext, { live }: Cycle): boolean {
  return target.kind === 'abbreviated' && !live?.oid.startsWith(target.requested);
}

/** Decides whether anything has to be done: settled when the wanted commit is published, whole and as configured. */
export function compareWith(watch: TreeWatch): Stage {
  return {
    name: 'compare',
    run: async (context, cycle) => {
      const { wanted, live } = cycle;
      if (!wanted || !live || live.oid !== wanted.oid || isUnresolved(context, cycle)) return 'next';
      if (!(await isAsConfigured(context, cycle)) || !(await watch.isWhole(context, cycle))) {
        context.log.warn('the published tree is rebuilt', { hash: live.oid, path: live.path });
        cycle.live = undefined;
        return 'next';
      }
      await rememberPublished(context, cycle);
      return historyIsAsConfigured(context) ? 'settled' : 'next';
    },
  };
}
