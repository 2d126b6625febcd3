import { dirname } from 'node:path';
import { publishedDirectory } from '../../checkout/published-directory.ts';
import type { Worktree } from '../../checkout/worktree.ts';
import { messageOf, SidecarError } from '../../model/error.ts';
import { setTimesBelow } from '../../platform/files-below.ts';
import { flushNames } from '../../platform/flush.ts';
import {
  type LinkState,
  moveLinkPlaceAside,
  readLink,
  removeLinkAt,
  requireReplaceable,
  switchLink,
} from '../../publish/link.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';
import { notificationBefore } from '../notification-of.ts';
import { showTogether } from '../show-together.ts';

/** Asks the pre-publish hook; when it refuses, the cycle ends here and nothing is published. */
export const askBeforePublish = {
  name: 'pre-publish',
  unlessSettled: true,
  run: async (
    context: Needs<'prePublish' | 'clock' | 'repository'>,
    { wanted, candidate, live, plan }: Found<'wanted' | 'candidate' | 'live' | 'plan'>,
    { signal }: CycleScope,
  ): Promise<Record<never, never>> => {
    const { prePublish, repository } = context;
    if (!prePublish || candidate === live) return {};
    const published = live?.oid ?? repository.state.oid;
    await prePublish(notificationBefore(context, wanted, candidate, plan), published, signal);
    return {};
  },
} satisfies Stage;

type PublishedOf = Found<'wanted' | 'candidate' | 'live' | 'link' | 'plan' | 'polledAt'> & Perhaps<'updated'>;
type Context = Needs<
  'bootReading' | 'clock' | 'config' | 'flush' | 'group' | 'layout' | 'log' | 'observer' | 'repository'
>;

/** The commit point: before it everything can be repeated, behind it everything can be retried (docs/adr/0005). */
export const publish = {
  name: 'publish',
  unlessSettled: true,
  run: async (
    context: Context,
    { wanted, candidate, live, link, plan, polledAt, updated = false }: PublishedOf,
    scope: CycleScope,
  ): Promise<Found<'updated'> & Perhaps<'isStale'>> => {
    const { bootReading, config, clock, flush, log, observer, repository } = context;
    const directory = publishedDirectory(candidate, plan);
    if (candidate === live) return { updated };
    if (config.moveAside) {
      const aside = await moveLinkPlaceAside(config.root, config.link, clock.now());
      if (aside !== undefined)
        log.warn('moved aside what was in the place of the link', { from: config.link, to: aside });
    } else await requireReplaceable(config.link);
    await setTime(context, candidate.path);
    const show = async (): Promise<void> => await switchLink(config.root, config.link, directory);
    await writeOut(context, candidate, scope);
    const isRepair = wanted.oid === repository.state.oid;
    if (!isRepair && !(await showTogether(context, { link, directory, show }, scope)))
      return { updated: false, isStale: true };
    if (isRepair) await show();
    if (flush) await flushNames(dirname(config.link));
    const updateMs = clock.monotonic() - polledAt;
    log.info(0, 'published', {
      ref: wanted.ref,
      hash: wanted.oid,
      link: config.link,
      ...(config.into && { into: config.into.directory }),
      path: directory,
      ms: Math.round(updateMs),
    });
    observer.onPublish(wanted, updateMs);
    await startStaleTimer(context, link);
    await removeFormerLink(context);
    await repository.remember({ oid: wanted.oid, ref: wanted.ref, link: config.link });
    await bootReading.trust();
    return { updated: true };
  },
} satisfies Stage;

/** Behind it the tree and its repository are on the disk; until then nothing leads to the tree. */
async function writeOut({ config, flush, layout }: Context, { path }: Worktree, scope: CycleScope): Promise<void> {
  if (!flush) return;
  // The disk may be slow, and shows no progress.
  scope.grant(config.syncTimeoutMs);
  try {
    await flush([path, layout.gitDir], scope.signal);
  } catch (error) {
    scope.signal.throwIfAborted();
    throw new SidecarError('ERR_PUBLISH_FAILED', {
      op: 'write to the disk',
      target: path,
      detail: messageOf(error),
      cause: error,
    });
  }
}

/** The time since which a worktree is stale is its modification time (compat.md 3). */
async function startStaleTimer(context: Context, link: LinkState): Promise<void> {
  if (link.kind !== 'link') return;
  const place = context.layout.placeOf(link.target);
  if (place) await setTime(context, place.path);
}

/** Where it cannot be set, the tree goes or stays a little too early or too late. */
async function setTime({ layout, clock }: Context, path: string): Promise<void> {
  await setTimesBelow({ root: layout.root, path }, new Date(clock.now())).catch(() => undefined);
}

/** After `--link` changed, the link that we published before would dangle at the next update (compat.md 9.15). */
async function removeFormerLink(context: Context): Promise<void> {
  const former = context.repository.state.link;
  if (former === undefined || former === context.config.link) return;
  const state = await readLink(former);
  if (state.kind !== 'link') return;
  if (!context.layout.placeOf(state.target)) return;
  await removeLinkAt(context.config.root, former);
  context.log.info(0, 'removed the link of an earlier --link', { link: former });
}
