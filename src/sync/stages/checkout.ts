import { lstat } from 'node:fs/promises';
import { isAsFinished } from '../../checkout/as-finished.ts';
import { readFinished } from '../../checkout/record.ts';
import { findWorktree, type Worktree, worktreeAt } from '../../checkout/worktree.ts';
import { SidecarError } from '../../model/error.ts';
import type { Oid } from '../../model/oid.ts';
import { removeTree } from '../../platform/remove-tree.ts';
import { buildWorktree } from '../build-worktree.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Paths that must not be touched: what the link shows, and where a hook is at work. */
function pathsInUse(context: SyncContext, cycle: Cycle): Set<string> {
  const hooks = context.hooks.map((hook) => hook.worktreeInUse).filter((path) => path !== undefined);
  return new Set([...hooks, ...(cycle.link.kind === 'link' ? [cycle.link.target] : [])]);
}

/** A worktree of the wanted commit that is still there, made under today's settings and untouched: A→B→A costs nothing. */
async function findFinished(
  context: SyncContext,
  cycle: Cycle,
  paths: readonly string[],
): Promise<Worktree | undefined> {
  const { layout } = context;
  if (!cycle.wanted || !cycle.plan) return undefined;
  for (const path of paths) {
    const worktree = await findWorktree(layout.gitDir, path, cycle.wanted.oid);
    const record = worktree && (await readFinished(worktree));
    if (!worktree || !record || record.fingerprint !== cycle.plan.fingerprint) continue;
    if (await isAsFinished(worktree, record, cycle.signal)) return worktree;
  }
  return undefined;
}

/** An empty place before one that holds something older, and that before one with something that cannot be removed. */
async function choosePlace({ layout: { root } }: SyncContext, free: readonly string[], oid: Oid): Promise<string> {
  for (const path of free) if (!(await exists(path))) return path;
  for (const path of free) if ((await removeTree({ root, path })).length === 0) return path;
  const path = free[0];
  if (path !== undefined) return path;
  throw new SidecarError('ERR_CHECKOUT_FAILED', {
    op: 'check out',
    target: oid,
    detail: 'one tree of this commit is published and a hook still works in the other',
  });
}

/** Makes a finished worktree of the wanted commit beside what is published. */
export const checkout: Stage = {
  name: 'checkout',
  run: async (context, cycle) => {
    const { clock, layout, log } = context;
    const { wanted, plan, live } = cycle;
    if (!wanted || !plan) return 'next';
    if (live?.oid === wanted.oid) {
      cycle.candidate = live;
      return 'next';
    }
    const inUse = pathsInUse(context, cycle);
    const free = layout.worktreePaths(wanted.oid).filter((path) => !inUse.has(path));
    const finished = await findFinished(context, cycle, free);
    if (finished) {
      cycle.candidate = finished;
      return 'next';
    }
    const worktree = worktreeAt(layout.gitDir, await choosePlace(context, free, wanted.oid), wanted.oid);
    const before = clock.monotonic();
    const from = await buildWorktree(context, cycle, worktree);
    log.info(1, 'checked out', { hash: wanted.oid, from, ms: Math.round(clock.monotonic() - before) });
    cycle.candidate = worktree;
    return 'next';
  },
};
