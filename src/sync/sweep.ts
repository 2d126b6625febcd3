import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { oidOfWorktreeName } from '../fetch/layout.ts';
import { isOfKind, systemCode } from '../model/error.ts';
import { inDirectory } from '../platform/below.ts';
import { asideDirectory, isAsideName, removeAside } from '../platform/make-way.ts';
import { isInside } from '../platform/paths.ts';
import { removeTree } from '../platform/remove-tree.ts';
import type { Needs } from './context.ts';
import type { KeptTrees } from './kept-trees.ts';

export type SweepContext = Needs<'clock' | 'config' | 'layout' | 'log'>;

interface Entry {
  readonly name: Buffer;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
}

/** What is in a directory; nothing when it is not there, or leads elsewhere. */
async function entriesOf(root: string, path: string): Promise<Entry[]> {
  try {
    return await inDirectory({ root, path }, (directory) =>
      readdirSync(directory.itself, { encoding: 'buffer' }).flatMap((name) => {
        const stat = lstatSync(directory.at(name), { throwIfNoEntry: false });
        return stat ? [{ name, changedAt: stat.mtimeMs }] : [];
      }),
    );
  } catch (error) {
    if (isOfKind(error, 'redirected') || systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** `path` holds something that the user placed there by an option. */
function isNamedByUser({ config }: SweepContext, path: string): boolean {
  return [config.link, config.touchFile, config.errorFile].some((file) => file !== undefined && isInside(file, path));
}

/** Removes what is in a directory of ours without being a worktree, once it is as old as a stale worktree may get. */
async function sweepDirectory(
  context: SweepContext,
  kept: KeptTrees,
  directory: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { layout, config, clock, log } = context;
  let waiting = false;
  for (const { name, changedAt } of await entriesOf(layout.root, directory)) {
    const shown = join(directory, name.toString());
    if (oidOfWorktreeName(shown) || layout.ownDirectories.includes(shown) || isNamedByUser(context, shown)) continue;
    if (clock.now() - changedAt < config.staleWorktreeTimeoutMs || kept.isResting(shown, clock)) {
      waiting = true;
      continue;
    }
    const before = clock.monotonic();
    const place = { root: layout.root, path: Buffer.concat([Buffer.from(`${directory}/`), name]) };
    const rest = await removeTree(place, { signal });
    if (kept.settle({ path: shown, kept: rest, before, clock, log }))
      log.info(0, 'removed what was among the worktrees and is none', { path: shown });
    else waiting = true;
  }
  return waiting;
}

/** Tries again to remove what was in the way and had to be moved aside. */
async function sweepAside({ layout, clock, log }: SweepContext, kept: KeptTrees): Promise<boolean> {
  let waiting = false;
  const directory = asideDirectory(layout.root);
  for (const { name } of await entriesOf(layout.root, directory)) {
    const path = join(directory, name.toString());
    if (!isAsideName(name.toString())) continue;
    const before = clock.monotonic();
    if (!kept.isResting(path, clock)) {
      const rest = await removeAside(layout.root, path);
      if (kept.settle({ path, kept: rest, before, clock, log })) continue;
    }
    waiting = true;
  }
  return waiting;
}

/**
 * Removes what lies in the directories that are ours alone and is not needed: in v4's `.worktrees` everything that is no
 * worktree, as git-sync does; and what was moved aside. Nothing is removed behind a link or a mount.
 * @returns whether something is left for later
 */
export async function sweep(context: SweepContext, kept: KeptTrees, signal: AbortSignal): Promise<boolean> {
  let waiting = await sweepAside(context, kept);
  for (const directory of context.layout.ownDirectories) {
    if (await sweepDirectory(context, kept, directory, signal)) waiting = true;
  }
  return waiting;
}
