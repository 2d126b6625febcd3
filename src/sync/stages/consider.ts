import type { Worktree } from '../../checkout/worktree.ts';
import { type Part, readPart, refusalOf } from '../../fetch/part.ts';
import type { Considered } from '../../fetch/state.ts';
import { type BringContext, bringPart } from '../bring-part.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';
import { publishedRevision } from '../published-revision.ts';
import { lookAtPublished, type PublishedTreeContext } from '../published-tree.ts';
import type { TreeWatch } from '../tree-watch.ts';
import { waitForReading } from '../wait-for-reading.ts';

type Context = BringContext & PublishedTreeContext & Needs<'choice' | 'group' | 'layout'>;
type Given = Found<'wanted' | 'live' | 'link' | 'plan'>;
type Decision = Found<'wanted' | 'live' | 'considered' | 'settled'> & Perhaps<'isUnread'>;

/** What is published stays, and the next cycles need not look at this commit again. */
async function keepLive(
  context: Context,
  { wanted }: Given,
  live: Worktree,
  decision: Omit<Considered, 'oid' | 'published'>,
): Promise<Decision> {
  const { repository, log } = context;
  const { oid, ref } = wanted;
  await repository.remember({ considered: { oid, published: live.oid, ...decision } });
  const reason = decision.why === 'same' ? 'it leaves the path as it is published' : 'it does not have the path';
  log.info(0, 'a commit changes nothing of what is published', {
    hash: oid,
    path: decision.path,
    published: live.oid,
    reason,
  });
  return { live, wanted: publishedRevision(context, live.oid, ref), considered: wanted, settled: true };
}

/** The published tree has to be made anew, from its own commit: the wanted one does not have the path. */
async function takePublished(
  context: Context,
  { wanted, link }: Given,
  path: string,
  signal: AbortSignal,
): Promise<Decision | undefined> {
  const { fetcher, git, layout, repository } = context;
  const oid = link.kind === 'link' ? layout.placeOf(link.target)?.oid : undefined;
  if (!oid || oid === wanted.oid) return undefined;
  await fetcher.fetch(oid, undefined, signal);
  await bringPart(context, oid, signal);
  const part = await readPart({ git, gitDir: repository.gitDir }, oid, path, signal);
  if (part.kind !== 'directory') return undefined;
  const published = publishedRevision(context, oid, wanted.ref);
  return { live: undefined, wanted: published, considered: wanted, settled: false };
}

/** What is published is another commit, with the same part; both may have none, and an empty directory is published. */
async function isSame(
  { config, git, repository }: Context,
  part: Part,
  { live, wanted }: Given,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (!live || live.oid === wanted.oid) return false;
  const published = await readPart({ git, gitDir: repository.gitDir }, live.oid, path, signal).catch(() => undefined);
  signal.throwIfAborted();
  // A commit that cannot be read is not what anything is compared with: the wanted one is published.
  if (part.kind === 'missing') return config.pathMissing === 'empty' && published?.kind === 'missing';
  return part.kind === 'directory' && published?.kind === 'directory' && published.identity === part.identity;
}

async function decide(
  context: Context,
  watch: TreeWatch,
  path: string,
  found: Given,
  scope: CycleScope,
): Promise<Decision> {
  const { config, git, log, repository } = context;
  const { wanted, plan } = found;
  const { signal } = scope;
  const place = { git, gitDir: repository.gitDir };
  const part = await readPart(place, wanted.oid, path, signal);
  const isKept = part.kind === 'missing' && config.pathMissing === 'keep';
  const goOn = { live: found.live, wanted, considered: wanted, settled: false };
  if (part.kind !== 'directory' && !isKept && !(part.kind === 'missing' && config.pathMissing === 'empty'))
    throw await refusalOf(place, wanted.oid, path, part, signal);
  if (isKept || (await isSame(context, part, found, path, signal))) {
    const wholeness = found.live && (await lookAtPublished(context, watch, found.live, plan, scope));
    if (found.live && wholeness === 'unread')
      return { ...goOn, settled: true, ...waitForReading(context, found.live, scope) };
    if (found.live && wholeness === 'whole')
      return await keepLive(context, found, found.live, { path, why: isKept ? 'missing' : 'same' });
    if (found.live) log.warn('the published tree is rebuilt', { hash: found.live.oid, path: found.live.path });
    if (!isKept) return { ...goOn, live: undefined };
    const published = await takePublished(context, found, path, signal);
    if (!published) throw await refusalOf(place, wanted.oid, path, part, signal);
    return published;
  }
  return goOn;
}

/**
 * With `--path`: decides whether the wanted commit changes anything of what is published. One that does not publishes
 * nothing (docs/adr/0015).
 */
export function considerWith(watch: TreeWatch) {
  return {
    name: 'consider',
    unlessSettled: true,
    run: async (context: Context, found: Given, scope: CycleScope): Promise<Decision> => {
      const { path } = context.config;
      const { live, wanted } = found;
      if (path === undefined) return { live, wanted, considered: wanted, settled: false };
      return await decide(context, watch, path, found, scope);
    },
  } satisfies Stage;
}
