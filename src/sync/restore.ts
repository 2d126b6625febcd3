import type { CheckoutPlan } from '../checkout/plan.ts';
import type { Worktree } from '../checkout/worktree.ts';
import { messageOf } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { bringInto, intoSource } from './bring-into.ts';
import type { SyncContext } from './context.ts';
import type { CycleScope } from './cycle.ts';
import type { Cycle, Found } from './findings.ts';
import { lookAtPublished } from './published-tree.ts';
import { shownNow } from './shown-now.ts';
import { checkout } from './stages/checkout.ts';
import { publish } from './stages/publish.ts';
import { TreeWatch } from './tree-watch.ts';

/** What was published last is what the configuration asks for today. */
function isStillWanted(
  { config: { target }, choice }: Pick<SyncContext, 'config' | 'choice'>,
  oid: Oid | undefined,
  ref: string | undefined,
): boolean {
  if (target.kind === 'oid') return oid === target.oid;
  return target.kind !== 'abbreviated' && ref !== undefined && choice.covers(ref);
}

/** A directory that is not complete, such as a new volume, is brought to what is published. */
async function restoreInto(context: SyncContext, live: Worktree, plan: CheckoutPlan, scope: CycleScope): Promise<void> {
  const { into, log } = context;
  if (!into || into.oid !== undefined) return;
  try {
    await bringInto(context, into, intoSource(context, live, plan, scope), scope);
  } catch (error) {
    log.info(1, 'the directory could not be brought to what is published', { reason: messageOf(error) });
  }
}

/** The published worktree; undefined where the machine was started again since it was made, and it is not whole. */
async function wholeLive(
  context: SyncContext,
  { live, plan }: Cycle,
  scope: CycleScope,
): Promise<{ readonly live: Worktree | undefined; readonly isRead: boolean }> {
  if (!live || !plan || !context.repository.isOfOtherBoot) return { live, isRead: true };
  const wholeness = await lookAtPublished(context, new TreeWatch(), live, plan, scope);
  return { live: wholeness === 'torn' ? undefined : live, isRead: wholeness === 'whole' };
}

/**
 * When the remote cannot be asked and nothing whole is published any more, publishes the last revision again from the
 * objects that are here: a consumer must not go without because the git server is down. After a power cut what is
 * published may be torn, and then it does not matter why the cycle failed: a commit that is refused must not keep torn
 * files published. The commit that the link shows is built again, and where its objects are torn too, the one that was
 * noted before; where none can be, it stays as it is.
 */
export async function restoreLastRevision(context: SyncContext, found: Cycle, scope: CycleScope): Promise<void> {
  const { repository, config } = context;
  const { isOfOtherBoot } = repository;
  const { oid, ref, url } = repository.state;
  const { plan, link } = found;
  const isAsked = found.wanted !== undefined;
  const isNoted = isStillWanted(context, oid, ref);
  if (isOfOtherBoot ? !plan : isAsked || !isNoted) return;
  const shown = shownCommit(context, found);
  const { live, isRead } = await wholeLive(context, found, scope);
  if (!isAsked && live && isRead && plan && isNoted) await restoreInto(context, live, plan, scope);
  if (live || !plan || !link || !repository.exists) return;
  // After a power cut the state can be torn too. What it says of another repository stands.
  if (url !== config.remote.fetchUrl && (isNoted || url !== undefined)) return;
  // What was noted last can be older than what the link shows.
  const commits = new Set([shown, isNoted ? oid : undefined].filter((each) => each !== undefined));
  for (const each of commits) if (await restore(context, { ...found, plan, link }, each, scope)) return;
}

/** The commit that the link shows, whether its tree is whole or not: to build it anew changes nothing of what is published. */
function shownCommit({ layout, repository }: SyncContext, { live, link }: Cycle): Oid | undefined {
  if (live) return live.oid;
  if (!repository.isOfOtherBoot || link?.kind !== 'link') return undefined;
  return layout.placeOf(link.target)?.oid;
}

/** @returns whether it is published */
async function restore(
  context: SyncContext,
  found: Found<'plan' | 'link'> & Pick<Cycle, 'live' | 'wanted'>,
  oid: Oid,
  scope: CycleScope,
): Promise<boolean> {
  const { repository, config, log } = context;
  const { plan, link } = found;
  const wanted = { ref: repository.state.ref ?? config.target.requested, oid };
  const { startedAt: polledAt } = scope;
  const last = { wanted, plan, link, live: undefined, polledAt, fetchedObjects: undefined, spare: undefined };
  try {
    await context.verification?.requireAgain(wanted, shownNow(context, found), scope.signal);
    const { candidate } = await checkout.run(context, last, scope);
    await context.verification?.requireSubmodules(wanted, candidate, scope.signal);
    await publish.run(context, { ...last, candidate }, scope);
    await restoreInto(context, candidate, plan, scope);
    const why = found.wanted ? 'what was published is not whole' : 'the remote cannot be asked';
    log.warn(`${why}: the last revision was published again`, { hash: oid });
    return true;
  } catch (error) {
    log.info(1, 'the last revision could not be restored', { hash: oid, reason: messageOf(error) });
    return false;
  }
}
