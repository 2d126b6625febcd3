import { GarbageCollector } from '../../fetch/collect-garbage.ts';
import { messageOf } from '../../model/error.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';
import { withProgress } from '../progress.ts';
import { Retirement } from '../retire.ts';

/** Retires stale worktrees and collects garbage. A failure here is logged and tried again: the publish stands. */
export function createCleanUp(): Stage {
  const retirement = new Retirement();
  const collector = new GarbageCollector();
  let waiting = true;
  let garbage = false;
  const run = async (context: SyncContext, cycle: Cycle): Promise<void> => {
    // What the very first fetch brought is one fresh pack: there is no garbage in it yet.
    if (cycle.updated && !cycle.first) garbage = true;
    const { git, layout, config, clock } = context;
    if (waiting || cycle.updated) {
      // A tree that is large, on a disk that is slow, takes its time to go, and nobody is harmed by that.
      const work = { cycle, clock, limitMs: config.syncTimeoutMs, paths: [layout.root] };
      const stale = await withProgress(work, () => retirement.run(context, cycle));
      waiting = stale.waiting;
      if (stale.removed > 0) garbage = true;
    }
    if (!garbage) return;
    garbage = !(await collector.collect({
      git,
      gitDir: layout.gitDir,
      mode: config.gitGc,
      signal: cycle.signal,
      clock,
    }));
  };
  return {
    name: 'clean-up',
    always: true,
    run: async (context, cycle) => {
      try {
        await run(context, cycle);
      } catch (error) {
        waiting = true;
        // A repack that was ended leaves its half pack.
        context.repository.noteFailure();
        if (!cycle.signal.aborted) context.log.error(error, `clean-up failed, the publish stands: ${messageOf(error)}`);
      }
      return 'next';
    },
  };
}
