import type { CheckoutPlan } from '../checkout/plan.ts';
import { publishedDirectory } from '../checkout/published-directory.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { Revision } from '../model/revision.ts';
import type { Notification } from '../notify/notification.ts';

/** What hooks get of a publish. @param at milliseconds since the epoch */
export function notificationOf(
  { oid, ref }: Revision,
  worktree: Worktree,
  plan: CheckoutPlan,
  at: number,
): Notification {
  return { oid, ref, worktree: worktree.path, directory: publishedDirectory(worktree, plan), at };
}
