import { lstat } from 'node:fs/promises';
import { isAsFinished } from '../../checkout/as-finished.ts';
import { publishedDirectory } from '../../checkout/published-directory.ts';
import { readFinished } from '../../checkout/record.ts';
import { findWorktree, type Worktree, worktreeAt } from '../../checkout/worktree.ts';
import { SidecarError, systemCode } from '../../model/error.ts';
import type { Oid } from '../../model/oid.ts';
import { openBelow } from '../../platform/below.ts';
import { isInside } from '../../platform/paths.ts';
import { removeTree } from '../../platform/remove-tree.ts';
import { buildWorktree } from '../build-worktree.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found } from '../findings.ts';
import { withProgress } from '../progress.ts';

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** Paths that must not be touched: what the link shows, and where a hook is at work. */
function pathsInUse({ hooks }: Needs<'hooks'>, { link }: Found<'link'>): readonly string[] {
  const paths = hooks.map((hook) => hook.worktreeInUse).filter((path) => path !== undefined);
  return [...paths, ...(link.kind === 'link' ? [link.target] : [])];
}

/** A worktree of the wanted commit that is still there, made under today's settings and untouched: A→B→A costs nothing. */
async function findFinished(
  { layout }: Needs<'layout'>,
  { wanted, plan }: Found<'wanted' | 'plan'>,
  paths: readonly string[],
  { signal }: CycleScope,
): Promise<Worktree | undefined> {
  for (const path of paths) {
    const worktree = await findWorktree(layout.gitDir, path, wanted.oid);
    const record = worktree && (await readFinished(worktree));
    if (!worktree || !record || record.fingerprint !== plan.fingerprint) continue;
    // Of another boot of the machine, for instance: after a power cut it can look as it did and be empty.
    if (record.surroundings !== plan.surroundings) continue;
    if (await isAsFinished(worktree, record, signal)) return worktree;
  }
  return undefined;
}

/** An empty place before one that holds something older, and that before one with something that cannot be removed. */
async function choosePlace({ layout: { root } }: Needs<'layout'>, free: readonly string[], oid: Oid): Promise<string> {
  for (const path of free) if (!(await exists(path))) return path;
  for (const path of free) if ((await removeTree({ root, path })).length === 0) return path;
  const path = free[0];
  if (path !== undefined) return path;
  throw new SidecarError('ERR_CHECKOUT_FAILED', {
    op: 'check out',
    target: oid,
    detail: 'one tree of this commit is published and a hook still works in the other',
  });
}

/**
 * What is to be published is a directory of ours, which no link leads to. A commit without the path has an empty one.
 * @throws SidecarError ERR_PATH_REDIRECTED, ERR_CHECKOUT_PATH_MISSING
 */
async function requireDirectory(
  { config, layout: { root } }: Needs<'config' | 'layout'>,
  candidate: Worktree,
  plan: Found<'plan'>['plan'],
): Promise<void> {
  const path = publishedDirectory(candidate, plan);
  if (path === candidate.path) return;
  try {
    openBelow({ root, path }, config.pathMissing === 'empty' ? { make: 0o777 } : {}).close();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    const context = { op: 'publish', target: path, cause: error };
    throw new SidecarError('ERR_CHECKOUT_PATH_MISSING', { ...context, detail: 'it is not there' });
  }
}

/** Makes a finished worktree of the wanted commit beside what is published. */
export const checkout = {
  name: 'checkout',
  unlessSettled: true,
  run: async (
    context: Needs<'clock' | 'config' | 'git' | 'hooks' | 'layout' | 'log' | 'spare'>,
    found: Found<'wanted' | 'plan' | 'live' | 'link' | 'fetchedObjects' | 'spare'>,
    scope: CycleScope,
  ): Promise<Found<'candidate'>> => {
    const { clock, config, layout, log, spare } = context;
    const { wanted, live } = found;
    if (live?.oid === wanted.oid) return { candidate: live };
    const inUse = pathsInUse(context, found);
    const free = layout.worktreePaths(wanted.oid).filter((path) => !inUse.some((each) => isInside(each, path)));
    const finished = await findFinished(context, found, free, scope);
    if (finished) await requireDirectory(context, finished, found.plan);
    if (finished) return { candidate: finished };
    const candidate = worktreeAt(layout.gitDir, await choosePlace(context, free, wanted.oid), wanted.oid);
    const before = clock.monotonic();
    const work = { scope, clock, limitMs: config.syncTimeoutMs, paths: [candidate.path, spare.path] };
    const from = await withProgress(work, () => buildWorktree(context, found, candidate, scope));
    await requireDirectory(context, candidate, found.plan);
    log.info(1, 'checked out', { hash: wanted.oid, from, ms: Math.round(clock.monotonic() - before) });
    return { candidate };
  },
} satisfies Stage;
