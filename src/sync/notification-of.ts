import type { CheckoutPlan } from '../checkout/plan.ts';
import { publishedDirectory } from '../checkout/published-directory.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { Revision } from '../model/revision.ts';
import type { Notification } from '../notify/notification.ts';
import type { Needs } from './context.ts';

/** What a hook gets of a tree that is not published yet. */
export function notificationBefore(
  { clock }: Needs<'clock'>,
  { oid, ref }: Revision,
  worktree: Worktree,
  plan: CheckoutPlan,
): Notification {
  return { oid, ref, worktree: worktree.path, directory: publishedDirectory(worktree, plan), at: clock.now() };
}

/** What hooks get of a publish. */
export function notificationOf(
  context: Needs<'clock' | 'config'>,
  revision: Revision,
  worktree: Worktree,
  plan: CheckoutPlan,
): Notification {
  const notification = notificationBefore(context, revision, worktree, plan);
  return { ...notification, directory: context.config.into?.directory ?? notification.directory };
}
