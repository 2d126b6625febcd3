import { messageOf } from '../../model/error.ts';
import { touchFile } from '../../notify/files.ts';
import type { Notification } from '../../notify/notification.ts';
import type { SyncContext } from '../context.ts';
import type { Stage } from '../cycle.ts';

/** Touches the file; a failure is logged and leaves the touch owed. */
async function touch({ config, clock, log }: SyncContext): Promise<boolean> {
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
 * Tells those who want to know. v4: after a publish, and once after a start even if nothing changed;
 * v3: after a publish only (compat.md 4). The publish stands whatever happens here, and what is owed is made up for.
 */
export function createTell(): Stage {
  let touchOwed = false;
  return {
    name: 'tell',
    always: true,
    run: async (context, cycle) => {
      const { config, hooks } = context;
      const worktree = cycle.candidate ?? cycle.live;
      const due = cycle.updated || (cycle.first && config.mode === 'v4');
      if (due && cycle.wanted && worktree) {
        touchOwed = true;
        const notification: Notification = { oid: cycle.wanted.oid, worktree: worktree.path };
        if (!config.oneTime) for (const hook of hooks) hook.notify(notification);
      }
      if (touchOwed) touchOwed = !(await touch(context));
      return 'next';
    },
  };
}
