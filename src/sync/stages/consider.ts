import type { Worktree } from '../../checkout/worktree.ts';
import { type Part, readPart, refusalOf } from '../../fetch/part.ts';
import type { Considered } from '../../fetch/state.ts';
import type { Oid } from '../../model/oid.ts';
import { type BringContext, bringPart } from '../bring-part.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found } from '../findings.ts';

type Context = BringContext & Needs<'layout' | 'log'>;
type Given = Found<'wanted' | 'live' | 'link'>;
type Decision = Found<'wanted' | 'considered' | 'settled'>;

/** What is published stays, and the next cycles need not look at this commit again. */
async function keepLive(
  { repository, log }: Context,
  wanted: Given['wanted'],
  live: Worktree,
  decision: Omit<Considered, 'oid' | 'published'>,
): Promise<Decision> {
  const { oid, ref } = wanted;
  await repository.remember({ considered: { oid, published: live.oid, ...decision } });
  const reason = decision.why === 'same' ? 'it leaves the path as it is published' : 'it does not have the path';
  log.info(0, 'a commit changes nothing of what is published', {
    hash: oid,
    path: decision.path,
    published: live.oid,
    reason,
  });
  return { wanted: { ref, oid: live.oid }, considered: wanted, settled: true };
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
  return { wanted: { ref: wanted.ref, oid }, considered: wanted, settled: false };
}

async function isSame({ git, repository }: Context, part: Part, live: Oid, path: string, signal: AbortSignal) {
  if (part.kind !== 'directory') return false;
  const published = await readPart({ git, gitDir: repository.gitDir }, live, path, signal);
  return published.kind === 'directory' && published.identity === part.identity;
}

/**
 * With `--path`: decides whether the wanted commit changes anything of what is published. One that does not publishes
 * nothing (docs/adr/0015).
 */
export const consider = {
  name: 'consider',
  unlessSettled: true,
  run: async (context: Context, found: Given, { signal }: CycleScope): Promise<Decision> => {
    const { config, git, repository } = context;
    const { wanted, live } = found;
    const { path, pathMissing } = config;
    const goOn = { wanted, considered: wanted, settled: false };
    if (path === undefined) return goOn;
    const place = { git, gitDir: repository.gitDir };
    const part = await readPart(place, wanted.oid, path, signal);
    if (live && live.oid !== wanted.oid && (await isSame(context, part, live.oid, path, signal)))
      return await keepLive(context, wanted, live, { path, why: 'same' });
    if (part.kind === 'directory' || (part.kind === 'missing' && pathMissing === 'empty')) return goOn;
    if (part.kind === 'missing' && pathMissing === 'keep') {
      if (live) return await keepLive(context, wanted, live, { path, why: 'missing' });
      const published = await takePublished(context, found, path, signal);
      if (published) return published;
    }
    throw await refusalOf(place, wanted.oid, path, part, signal);
  },
} satisfies Stage;
