import type { CompatMode } from '../../config/option.ts';
import type { CycleStatus } from '../../model/sync-observer.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';

/** compat.md 5 and 13: v4's first loop is a success even if nothing changed; 3.1.1 knows no `noop`. */
function statusOf(updated: boolean, first: boolean, mode: CompatMode): CycleStatus {
  if (updated || mode === 'v3.1') return 'success';
  return first && mode === 'v4' ? 'success' : 'noop';
}

/** Reports the cycle before hooks and consumers are notified, so that they can read the new numbers. */
export const report = {
  name: 'report',
  run: async (
    { clock, observer, config }: Needs<'clock' | 'observer' | 'config'>,
    { wanted, considered, polledAt, updated = false }: Found<'wanted' | 'considered' | 'polledAt'> & Perhaps<'updated'>,
    { first, startedAt }: CycleScope,
  ): Promise<Record<never, never>> => {
    observer.onCycle({
      status: statusOf(updated, first, config.mode),
      durationMs: clock.monotonic() - startedAt,
      pollMs: polledAt - startedAt,
      error: undefined,
      revision: wanted,
      considered,
    });
    return {};
  },
} satisfies Stage;
