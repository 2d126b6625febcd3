import { removeOrphanRecords } from '../../checkout/orphan-records.ts';
import { GarbageCollector } from '../../fetch/collect-garbage.ts';
import { oidOfWorktreeName } from '../../fetch/layout.ts';
import { messageOf } from '../../model/error.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Perhaps } from '../findings.ts';
import { KeptTrees } from '../kept-trees.ts';
import { withProgress } from '../progress.ts';
import { type RetireContext, Retirement, type Retiring } from '../retire.ts';
import { type SweepContext, sweep } from '../sweep.ts';

type Context = Needs<'git' | 'repository' | 'store'> & RetireContext & SweepContext;
type Given = Retiring & Perhaps<'hasFetched' | 'updated'>;

/** What a process that was killed left of worktrees that it was making or removing. */
async function removeOrphans({ layout, log }: Context): Promise<void> {
  const paths = await removeOrphanRecords(layout.gitDir, oidOfWorktreeName);
  if (paths.length > 0) log.info(0, 'removed records of worktrees that are not there', { paths });
}

/** Retires stale worktrees and collects garbage. A failure here is logged and tried again: the publish stands. */
export function createCleanUp() {
  const kept = new KeptTrees();
  const retirement = new Retirement(kept);
  const collector = new GarbageCollector();
  let waiting = true;
  let isFirst = true;
  let garbage = false;
  let reported = '';
  const run = async (context: Context, given: Given, scope: CycleScope): Promise<void> => {
    const { hasFetched = false, updated = false } = given;
    // What the very first fetch brought is one fresh pack: there is no garbage in it yet.
    if ((hasFetched || updated) && !scope.first) garbage = true;
    if (!waiting && !updated && !garbage) return;
    // Without its repository there is nothing to tidy up; the next cycle makes another.
    if (!(await context.repository.guard())) return;
    const { git, layout, config, clock } = context;
    if (waiting || updated) {
      kept.forgetGone();
      // To remove a large tree from a slow disk takes its time, and that does no harm.
      const work = { scope, clock, limitMs: config.syncTimeoutMs, paths: [layout.root] };
      waiting = await withProgress(work, async () => {
        if (isFirst) await removeOrphans(context);
        isFirst = false;
        const stale = await retirement.run(context, given, scope);
        if (stale.removed > 0) garbage = true;
        return (await sweep(context, kept, scope.signal)) || stale.waiting;
      });
    }
    if (!garbage) return;
    const { store } = context;
    if (store) {
      garbage = !(await store.collectGarbage(config.gitGc, git, scope.signal));
      await store.removeUnused(scope.signal);
      return;
    }
    garbage = !(await collector.collect({
      git,
      gitDir: layout.gitDir,
      mode: config.gitGc,
      signal: scope.signal,
      clock,
    }));
  };
  return {
    name: 'clean-up',
    run: async (context: Context, given: Given, scope: CycleScope): Promise<Record<never, never>> => {
      try {
        await run(context, given, scope);
        reported = '';
      } catch (error) {
        waiting = true;
        // A repack that was ended leaves its half pack.
        context.repository.noteFailure();
        const message = messageOf(error);
        if (scope.signal.aborted || message === reported) return {};
        reported = message;
        context.log.error(error, `clean-up failed, the publish stands: ${message}`);
      }
      return {};
    },
  } satisfies Stage;
}
