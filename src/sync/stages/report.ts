import type { CompatMode } from '../../config/option.ts';
import type { CycleStatus } from '../../model/sync-observer.ts';
import type { Cycle, Stage } from '../cycle.ts';

/** compat.md 5 and 13: v4's first loop is a success even if nothing changed; 3.1.1 knows no `noop`. */
function statusOf({ updated, first }: Cycle, mode: CompatMode): CycleStatus {
  if (updated || mode === 'v3.1') return 'success';
  return first && mode === 'v4' ? 'success' : 'noop';
}

/** Counts the cycle before anybody hears of it: whoever was notified can read the new number. */
export const report: Stage = {
  name: 'report',
  always: true,
  run: async ({ clock, observer, config }, cycle) => {
    observer.onCycle({
      status: statusOf(cycle, config.mode),
      durationMs: clock.monotonic() - cycle.startedAt,
      pollMs: cycle.polledAt === undefined ? undefined : cycle.polledAt - cycle.startedAt,
      error: undefined,
      revision: cycle.wanted,
    });
    return 'next';
  },
};
