import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isOurWorktree, unregisterWorktree, worktreeAt } from '../../checkout/worktree.ts';
import { collectGarbage } from '../../fetch/collect-garbage.ts';
import { oidOfWorktreeName } from '../../fetch/layout.ts';
import { messageOf } from '../../model/error.ts';
import { readLink } from '../../publish/link.ts';
import { listWorktreeEntries, type WorktreeEntry } from '../../publish/stale-worktrees.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';

/**
 * Directly below the root, where v3 has its worktrees, a name alone proves nothing: the entry must be a directory that
 * our repository has on record, or whose `.git` file points into it.
 */
async function isOurs(context: SyncContext, entry: WorktreeEntry): Promise<boolean> {
  const { layout } = context;
  if (dirname(entry.path) !== layout.root) return true;
  if (!(await lstat(entry.path)).isDirectory()) return false;
  return await isOurWorktree(worktreeAt(layout.gitDir, entry.path, entry.oid));
}

/** Removes worktrees that are stale for long enough. Returns how many, and whether some have to wait. */
async function removeStale(context: SyncContext): Promise<{ removed: number; waiting: boolean }> {
  const { config, layout, clock, hooks, log } = context;
  const link = await readLink(config.link);
  const published = link.kind === 'link' ? link.target : undefined;
  const inUse = new Set(hooks.map((hook) => hook.worktreeInUse));
  let removed = 0;
  let waiting = false;
  for (const entry of await listWorktreeEntries(layout.worktreeParents, oidOfWorktreeName)) {
    if (entry.path === published || !(await isOurs(context, entry))) continue;
    if (inUse.has(entry.path) || clock.now() - entry.since < config.staleWorktreeTimeoutMs) {
      waiting = true;
      continue;
    }
    await unregisterWorktree(worktreeAt(layout.gitDir, entry.path, entry.oid));
    log.info(1, 'removed a stale worktree', { path: entry.path });
    removed += 1;
  }
  return { removed, waiting };
}

/** Removes stale worktrees and collects garbage. A failure here is logged and tried again: the publish stands. */
export function createCleanUp(): Stage {
  let waiting = true;
  let garbage = false;
  const run = async (context: SyncContext, cycle: Cycle): Promise<void> => {
    // What the very first fetch brought is one fresh pack: there is no garbage in it yet.
    if (cycle.updated && !cycle.first) garbage = true;
    if (!waiting && !cycle.updated) return;
    const stale = await removeStale(context);
    waiting = stale.waiting;
    if (!garbage && stale.removed === 0) return;
    garbage = false;
    await collectGarbage({
      git: context.git,
      gitDir: context.layout.gitDir,
      mode: context.config.gitGc,
      signal: cycle.signal,
    });
  };
  return {
    name: 'clean-up',
    always: true,
    run: async (context, cycle) => {
      try {
        await run(context, cycle);
      } catch (error) {
        waiting = true;
        if (!cycle.signal.aborted) context.log.error(error, `clean-up failed, the publish stands: ${messageOf(error)}`);
      }
      return 'next';
    },
  };
}
