import type { Worktree } from '../../checkout/worktree.ts';
import type { Oid } from '../../model/oid.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';
import { publishedRevision } from '../published-revision.ts';
import { lookAtPublished, type PublishedTreeContext } from '../published-tree.ts';
import type { TreeWatch } from '../tree-watch.ts';
import { waitForReading } from '../wait-for-reading.ts';

type Context = PublishedTreeContext & Needs<'choice' | 'group'>;

/** The state file may lag behind the link: after a kill between the two, or in a root that git-sync made. */
async function rememberPublished({ repository, config }: Context, { wanted }: Found<'wanted'>): Promise<void> {
  const { oid, ref, link } = repository.state;
  if (!repository.exists || (oid === wanted.oid && ref === wanted.ref && link === config.link)) return;
  await repository.remember({ oid: wanted.oid, ref: wanted.ref, link: config.link });
}

function historyIsAsConfigured({ config, repository }: Context): boolean {
  const { depth, filter } = repository.state;
  return depth === config.depth && filter === config.filter;
}

/** Of the wanted commit nothing had to be published when it was looked at, and what was published then still is. */
function isConsidered({ config, repository }: Context, wanted: Oid, live: Worktree): boolean {
  const { considered } = repository.state;
  if (considered?.oid !== wanted || considered.published !== live.oid || considered.path !== config.path) return false;
  return considered.why === 'same' || config.pathMissing === 'keep';
}

/** For an abbreviated commit the poll shows where its branch is; which commit is meant is known after the fetch. */
function isUnresolved({ config: { target } }: Context, live: Worktree): boolean {
  return target.kind === 'abbreviated' && !live.oid.startsWith(target.requested);
}

/** Decides whether anything has to be done: settled when the wanted commit is published, whole and as configured. */
export function compareWith(watch: TreeWatch) {
  return {
    name: 'compare',
    run: async (
      context: Context,
      found: Found<'wanted' | 'live' | 'plan'>,
      scope: CycleScope,
    ): Promise<Found<'live' | 'wanted' | 'considered' | 'settled'> & Perhaps<'isUnread'>> => {
      const { wanted: considered, live } = found;
      const asked = { wanted: considered, considered };
      const isHere = live && (live.oid === considered.oid || isConsidered(context, considered.oid, live));
      if (!isHere || isUnresolved(context, live)) return { ...asked, live, settled: false };
      const wholeness = await lookAtPublished(context, watch, live, found.plan, scope);
      if (wholeness === 'unread') return { ...asked, live, settled: true, ...waitForReading(context, live, scope) };
      if (wholeness === 'torn') {
        context.log.warn('the published tree is rebuilt', { hash: live.oid, path: live.path });
        return { ...asked, live: undefined, settled: false };
      }
      const isSame = live.oid === considered.oid;
      const wanted = isSame ? considered : publishedRevision(context, live.oid, considered.ref);
      await rememberPublished(context, { wanted });
      const settled = historyIsAsConfigured(context);
      return settled ? { live, wanted, considered, settled } : { ...asked, live, settled };
    },
  } satisfies Stage;
}
