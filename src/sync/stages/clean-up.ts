import { GarbageCollector } from '../../fetch/collect-garbage.ts';
import { messageOf } from '../../model/error.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';
import { KeptTrees } from '../kept-trees.ts';
import { Retirement } from '../retire.ts';
import { sweep } from '../sweep.ts';

/** Retires stale worktrees and collects garbage. A failure here is logged and tried again: the publish stands. */
export function createCleanUp(): Stage {
  const kept = new KeptTrees();
  const retirement = new Retirement(kept);
  const collector = new GarbageCollector();
  let waiting = true;
  let garbage = false;
  let reported = '';
  const run = async (context: SyncContext, cycle: Cycle): Promise<void> => {
    // What the very first fetch brought is one fresh pack: there is no garbage in it yet.
    if (cycle.updated && !cycle.first) garbage = true;
    if (!waiting && !cycle.updated && !garbage) return;
    // Without its repository there is nothing to tidy up; the next cycle makes another.
    if (!(await context.repository.guard())) return;
    if (waiting || cycle.updated) {
      kept.forgetGone();
      const stale = await retirement.run(context, cycle);
      waiting = (await sweep(context, cycle, kept)) || stale.waiting;
      if (stale.removed > 0) garbage = true;
    }
    if (!garbage) return;
    const { git, layout, config, clock } = context;
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
        reported = '';
      } catch (error) {
        waiting = true;
        const message = messageOf(error);
        if (cycle.signal.aborted || message === reported) return 'next';
        reported = message;
        context.log.error(error, `clean-up failed, the publish stands: ${message}`);
      }
      return 'next';
    },
  };
}
