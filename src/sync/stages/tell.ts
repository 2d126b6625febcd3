import { messageOf } from '../../model/error.ts';
import { touchFile } from '../../notify/files.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';
import { notificationOf } from '../notification-of.ts';

/** Touches the file; a failure is logged, and the touch stays pending. */
async function touch({ config, clock, log }: Needs<'config' | 'clock' | 'log'>): Promise<boolean> {
  if (config.touchFile === undefined) return true;
  try {
    await touchFile(config.root, config.touchFile, clock.now());
    return true;
  } catch (error) {
    log.error(error, `the touch file could not be touched: ${messageOf(error)}`, { path: config.touchFile });
    return false;
  }
}

/**
 * Notifies consumers. v4: after a publish, and once after a start even if nothing changed; v3: after a publish only
 * (compat.md 4). The publish stands whatever happens here, and what is still pending is done in a later cycle.
 */
export function createTell() {
  let touchIsPending = false;
  return {
    name: 'tell',
    run: async (
      context: Needs<'config' | 'clock' | 'log' | 'hooks'>,
      {
        wanted,
        live,
        candidate,
        plan,
        updated = false,
        link,
      }: Found<'wanted' | 'live' | 'plan'> & Perhaps<'candidate' | 'updated' | 'link'>,
      scope: CycleScope,
    ): Promise<Record<never, never>> => {
      const { config, hooks } = context;
      const worktree = candidate ?? live;
      if ((updated || (scope.first && config.mode === 'v4')) && worktree) {
        touchIsPending = true;
        const trace = scope.trace?.contextOf({ wanted, ...(link && { link }) });
        const notification = { ...notificationOf(context, wanted, worktree, plan), ...(trace && { trace }) };
        if (!config.oneTime) for (const hook of hooks) hook.notify(notification);
      }
      if (touchIsPending) touchIsPending = !(await touch(context));
      return {};
    },
  } satisfies Stage;
}
