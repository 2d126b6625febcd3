import { canClone } from '../checkout/carry-over.ts';
import { createCheckout } from '../checkout/checkout.ts';
import { keptIndexOf, readFinished } from '../checkout/record.ts';
import type { UntouchedSpare } from '../checkout/spare.ts';
import { countEntries } from '../checkout/verify-tree.ts';
import type { Worktree } from '../checkout/worktree.ts';
import { isWorthCloning } from '../checkout/worth-cloning.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { SyncContext } from './context.ts';
import type { Cycle } from './cycle.ts';

/** How a worktree came to be: from the spare, from a clone of the published one, or written whole. */
export type BuiltFrom = 'spare' | 'clone' | 'nothing';

/** Files with other permissions than git gives them (v3's --change-permissions) cannot be told from touched ones. */
export function mayRecycle({ spare, permissions }: SyncConfig): boolean {
  return spare && permissions === undefined;
}

/** From this share of new objects on, writing every file is less work than replacing them one by one. */
const MOSTLY = 0.5;
const FEW_OBJECTS = 1000;

/** The update changes most of the tree. */
export async function isMostlyNew({ fetchedObjects, live }: Cycle): Promise<boolean> {
  if (fetchedObjects === undefined || live === undefined) return false;
  return fetchedObjects > (await countEntries(live)) * MOSTLY && fetchedObjects > FEW_OBJECTS;
}

/** Clones the published tree where the file system can, and where that is cheaper than writing the files. */
async function cloneLive({ spare }: SyncContext, { live, plan, signal }: Cycle): Promise<UntouchedSpare | undefined> {
  if (!live || !plan || !(await readFinished(live)) || !canClone(keptIndexOf(live)) || !isWorthCloning(live))
    return undefined;
  await spare.make({ from: live, oid: live.oid, plan, how: 'clone', signal });
  const worktree = await spare.find();
  return worktree && { worktree, changedFiles: Promise.resolve([]) };
}

async function buildFromExisting(context: SyncContext, cycle: Cycle, target: Worktree): Promise<BuiltFrom | undefined> {
  const { spare } = context;
  if (!cycle.plan || !mayRecycle(context.config) || (await isMostlyNew(cycle))) return undefined;
  const ready = await (cycle.spare ?? spare.findUntouched(cycle.signal));
  const source = ready ?? (await cloneLive(context, cycle));
  if (!source) return undefined;
  await spare.take(source, target, cycle.plan, cycle.signal);
  return ready ? 'spare' : 'clone';
}

/**
 * Makes `target` a finished worktree of its commit, by what changed where that is possible and safe, else by writing
 * every file.
 *
 * @throws SidecarError as a full checkout does
 */
export async function buildWorktree(context: SyncContext, cycle: Cycle, target: Worktree): Promise<BuiltFrom> {
  const { git, config, log } = context;
  if (!cycle.plan) return 'nothing';
  try {
    const from = await buildFromExisting(context, cycle, target);
    if (from) return from;
  } catch (error) {
    if (cycle.signal.aborted) throw error;
    const reason = error instanceof SidecarError ? error.detail : messageOf(error);
    log.info(1, 'the spare cannot be used, so every file is written', { hash: target.oid, reason });
  }
  await createCheckout(git, target, cycle.plan, config, cycle.signal);
  return 'nothing';
}
