import { canClone } from '../checkout/carry-over.ts';
import { createCheckout } from '../checkout/checkout.ts';
import { keptIndexOf, readFinished } from '../checkout/record.ts';
import type { UntouchedSpare } from '../checkout/spare.ts';
import { countEntries } from '../checkout/verify-tree.ts';
import type { Worktree } from '../checkout/worktree.ts';
import { isWorthCloning } from '../checkout/worth-cloning.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { bounded } from '../platform/bounded.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';
import type { Found } from './findings.ts';

/** How a worktree came to be: from the spare, from a clone of the published one, or written whole. */
export type BuiltFrom = 'spare' | 'clone' | 'nothing';

/**
 * Files with other permissions than git gives them (v3's --change-permissions) cannot be distinguished from touched
 * ones.
 */
export function mayRecycle({ spare, permissions }: SyncConfig): boolean {
  return spare !== 'never' && permissions === undefined;
}

/** From this share of new objects on, writing every file is less work than replacing them one by one. */
const MOSTLY = 0.5;
export const FEW_OBJECTS = 1000;

/** The update changes most of the tree. */
async function isMostlyNew({ fetchedObjects, live }: Found<'fetchedObjects' | 'live'>): Promise<boolean> {
  if (fetchedObjects === undefined || live === undefined) return false;
  return fetchedObjects > (await countEntries(live)) * MOSTLY && fetchedObjects > FEW_OBJECTS;
}

type Context = Needs<'config' | 'git' | 'log' | 'spare'>;
type Given = Found<'plan' | 'live' | 'fetchedObjects' | 'spare'>;

/** Clones the published tree where the file system can, and where that is cheaper than writing the files. */
async function cloneLive(
  { spare }: Context,
  { live, plan }: Given,
  { signal }: CycleScope,
): Promise<UntouchedSpare | undefined> {
  if (!live || !(await readFinished(live)) || !canClone(keptIndexOf(live)) || !isWorthCloning(live)) return undefined;
  await spare.make({ like: live, old: undefined, plan, signal });
  const worktree = await spare.find();
  return worktree && { worktree, changedFiles: Promise.resolve([]) };
}

async function buildFromExisting(
  context: Context,
  given: Given,
  target: Worktree,
  scope: CycleScope,
): Promise<BuiltFrom | undefined> {
  const { spare, config } = context;
  const { signal } = scope;
  if (!mayRecycle(config) || (await isMostlyNew(given))) return undefined;
  const ready = await bounded(given.spare ?? spare.findUntouched(signal), signal);
  const source = ready ?? (await cloneLive(context, given, scope));
  if (!source) return undefined;
  await spare.take(source, target, given.plan, signal);
  return ready ? 'spare' : 'clone';
}

/**
 * Makes `target` a finished worktree of its commit, by what changed where that is possible and safe, else by writing
 * every file.
 *
 * @throws SidecarError as a full checkout does
 */
export async function buildWorktree(
  context: Context,
  given: Given,
  target: Worktree,
  scope: CycleScope,
): Promise<BuiltFrom> {
  const { git, config, log } = context;
  const { signal } = scope;
  try {
    const from = await buildFromExisting(context, given, target, scope);
    if (from) return from;
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = error instanceof SidecarError ? error.detail : messageOf(error);
    log.info(1, 'the spare cannot be used, so every file is written', { hash: target.oid, reason });
  }
  await createCheckout(git, target, given.plan, config, signal);
  return 'nothing';
}
