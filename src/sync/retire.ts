import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SpareChoice, type SpareDecision } from '../checkout/spare-choice.ts';
import { countEntries } from '../checkout/verify-tree.ts';
import { isOurWorktree, unregisterWorktree, worktreeAt } from '../checkout/worktree.ts';
import { oidOfWorktreeName } from '../fetch/layout.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { findOccupants } from '../platform/occupants.ts';
import { isInside } from '../platform/paths.ts';
import { readLink } from '../publish/link.ts';
import { listWorktreeEntries, type WorktreeEntry } from '../publish/stale-worktrees.ts';
import { FEW_OBJECTS, mayRecycle } from './build-worktree.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';
import type { Found, Perhaps } from './findings.ts';
import type { KeptTrees } from './kept-trees.ts';

/** Looking for occupants may use this share of the time. */
const SHARE_OF_TIME = 0.01;
const SHORTEST_PAUSE_MS = 500;
/** On a busy machine a look takes long because others have the cores. */
const LONGEST_PAUSE_MS = 10_000;

export type RetireContext = Needs<'clock' | 'config' | 'hooks' | 'layout' | 'log' | 'spare'>;
export type Retiring = Found<'plan' | 'live'> & Perhaps<'candidate' | 'fetchedObjects' | 'updated'>;

export interface Retired {
  /** Worktrees that are gone. */
  readonly removed: number;
  /** Some have to stay for now. */
  readonly waiting: boolean;
}

/**
 * Directly below the root, where v3 has its worktrees, a name alone proves nothing: the entry must be a directory that
 * our repository has on record, or whose `.git` file points into it.
 */
async function isOurs({ layout }: Needs<'layout'>, entry: WorktreeEntry): Promise<boolean> {
  if (dirname(entry.path) !== layout.root) return true;
  // What cannot be looked at is no tree of ours, and stays.
  if (!(await lstat(entry.path).catch(() => undefined))?.isDirectory()) return false;
  return await isOurWorktree(worktreeAt(layout.gitDir, entry.path, entry.oid));
}

/** Ends the life of stale worktrees: one may become the spare of the next update, the others are removed. */
export class Retirement {
  readonly #kept: KeptTrees;
  readonly #choice = new SpareChoice();
  #nextLookAt = 0;
  #decision: SpareDecision | undefined;

  constructor(kept: KeptTrees) {
    this.#kept = kept;
  }

  /** Deals with those whose `--stale-worktree-timeout` is over and in which no hook is at work. */
  async run(context: RetireContext, given: Retiring, scope: CycleScope): Promise<Retired> {
    const { config, layout, clock, hooks, spare } = context;
    const needed = (given.candidate ?? given.live)?.path;
    const wantsSpare = (await this.#decide(context, given)) && (await spare.find()) === undefined;
    let isNewest = !config.oneTime;
    const link = await readLink(config.link);
    const isPublished = (path: string): boolean => link.kind === 'link' && isInside(link.target, path);
    const inUse = new Set(hooks.map((hook) => hook.worktreeInUse));
    const entries = await listWorktreeEntries(layout.worktreeParents, oidOfWorktreeName);
    let removed = 0;
    let waiting = false;
    for (const entry of entries.sort((one, other) => other.since - one.since)) {
      if (isPublished(entry.path) || entry.path === needed || !(await isOurs(context, entry))) continue;
      const isEarly = clock.now() - entry.since < config.staleWorktreeTimeoutMs;
      if (inUse.has(entry.path) || isEarly || this.#kept.isResting(entry.path, clock)) {
        waiting = true;
        continue;
      }
      if (isNewest && !this.#kept.has(entry.path)) {
        isNewest = false;
        if (config.spare !== 'never' && (await this.#isOccupied(context, entry))) {
          waiting = true;
          continue;
        }
        if (wantsSpare) await this.#keep(context, given, entry, scope);
      }
      if (await this.#remove(context, entry, scope)) removed += 1;
      else waiting = true;
    }
    return { removed, waiting };
  }

  /** @returns false when a part of it has to stay: that does no harm, and the removal is tried again */
  async #remove({ layout, clock, log }: RetireContext, entry: WorktreeEntry, { signal }: CycleScope): Promise<boolean> {
    const before = clock.monotonic();
    const kept = await unregisterWorktree(worktreeAt(layout.gitDir, entry.path, entry.oid), signal);
    if (!this.#kept.settle({ path: entry.path, kept, before, clock, log })) return false;
    log.info(1, 'removed a stale worktree', { path: entry.path });
    return true;
  }

  /**
   * Decides after each update, and at the start, whether a spare is kept; removes one that is not. @returns whether one
   * is to be there
   */
  async #decide(context: RetireContext, given: Retiring): Promise<boolean> {
    const { config, spare, log } = context;
    const { live, candidate, updated = false } = given;
    const published = candidate ?? live;
    const isFirst = this.#decision === undefined;
    if (!published || (!isFirst && !updated)) return this.#decision?.keep === true;
    if (updated) await this.#note(given);
    const mode = config.oneTime || !mayRecycle(config) ? 'never' : config.spare;
    const { keep, reason } = this.#choice.decide(mode, published);
    this.#decision = { keep, reason };
    if (updated && mode !== 'never') log.info(1, keep ? 'a spare is kept' : 'no spare is kept', { reason });
    // One that a killed process left half made would lie there until the next update.
    if (!keep || (isFirst && (await spare.find()) === undefined)) await spare.removeAny();
    return keep;
  }

  /** A file comes with its directories and its commit: few objects say little about how many files changed. */
  async #note({ fetchedObjects = 0, live, candidate }: Retiring): Promise<void> {
    // The first tree is no update of another one.
    if (!live) return;
    const isKnown = candidate && fetchedObjects > FEW_OBJECTS;
    this.#choice.note(isKnown ? { files: await countEntries(candidate), changed: fetchedObjects } : undefined);
  }

  /**
   * A process still works in the tree: it is left alone until it has gone or another tree takes its turn. v3's watchers
   * wait for the tree to go before they act, so there it goes at once, as it always did.
   */
  async #isOccupied({ clock, config, log }: RetireContext, entry: WorktreeEntry): Promise<boolean> {
    if (config.mode !== 'v4') return false;
    const now = clock.monotonic();
    if (now < this.#nextLookAt) return true;
    const occupants = await findOccupants(entry.path);
    const took = clock.monotonic() - now;
    if (occupants.length === 0) return false;
    const pause = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, took / SHARE_OF_TIME));
    this.#nextLookAt = clock.monotonic() + pause;
    log.info(1, 'processes still work in a stale worktree', { path: entry.path, processes: occupants.join(' ') });
    return true;
  }

  async #keep(
    { spare, layout, log, clock }: RetireContext,
    { plan, live, candidate }: Retiring,
    entry: WorktreeEntry,
    { signal }: CycleScope,
  ): Promise<void> {
    const published = candidate ?? live;
    if (!published) return;
    const before = clock.monotonic();
    try {
      const old = worktreeAt(layout.gitDir, entry.path, entry.oid);
      const { moved, copied } = await spare.make({ like: published, old, plan, signal });
      this.#choice.correct({ files: moved + copied, changed: copied });
      const ms = Math.round(clock.monotonic() - before);
      log.info(1, 'made the spare of a stale worktree', { path: entry.path, moved, copied, ms });
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = error instanceof SidecarError ? error.detail : messageOf(error);
      log.info(1, 'a stale worktree cannot be the spare', { path: entry.path, reason });
    }
  }
}
