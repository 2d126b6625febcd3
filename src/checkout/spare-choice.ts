import type { SpareMode } from '../config/sync-config.ts';
import { someEntry } from './verify-tree.ts';
import type { Worktree } from './worktree.ts';

/** One update: how many files its tree has, and about how many of them it changed. */
export interface UpdateFacts {
  readonly files: number;
  readonly changed: number;
}

/** Whether the next update is to be made of a spare, and why. */
export interface SpareDecision {
  readonly keep: boolean;
  readonly reason: string;
}

/**
 * git writes so many small files in the processor time that a spare takes, with all that is done for it: about 4000 on
 * an ext4, more in memory. Measured by `BENCH_ARGS=--spare=never BENCH_SIZES=3000,4000 npm run bench -- update`.
 */
const WORTHWHILE_FILES = 3000;
/** git writes about so many bytes in the time that a small file takes. */
const BYTES_LIKE_A_FILE = 10 * 1024;
/** When updates change this share of the files, writing all of them is as little work. */
const MOST = 0.5;
/** Updates that are remembered. */
const REMEMBERED = 3;

/** The tree is large enough: reading its index stops as soon as that is known. */
function isLarge(worktree: Worktree): boolean {
  let weight = 0;
  try {
    return someEntry(worktree, ({ size, skipWorktree }) => {
      if (!skipWorktree) weight += 1 + size / BYTES_LIKE_A_FILE;
      return weight >= WORTHWHILE_FILES;
    });
  } catch {
    // A tree whose index cannot be read is good for no spare either.
    return false;
  }
}

function shareOf({ changed, files }: UpdateFacts): number {
  return Math.min(1, changed / Math.max(1, files));
}

/** Decides after each update whether a spare is worth its work for the next one. */
export class SpareChoice {
  #shares: readonly number[] = [];

  /** An update was made. Where it is not known what it changed, it changed little, as most do. */
  note(facts: UpdateFacts | undefined): void {
    this.#shares = [...this.#shares, facts ? shareOf(facts) : 0].slice(-REMEMBERED);
  }

  /** It turned out what the last update changed. */
  correct(facts: UpdateFacts): void {
    this.#shares = [...this.#shares.slice(0, -1), shareOf(facts)];
  }

  /** @param published what the spare would be like: a finished worktree */
  decide(mode: SpareMode, published: Worktree): SpareDecision {
    if (mode === 'never') return { keep: false, reason: 'none is wanted' };
    const last = this.#shares.at(-1) ?? 0;
    if (last >= MOST) return { keep: false, reason: 'the update changed most of the files' };
    if (mode === 'always') return { keep: true, reason: 'one is wanted' };
    const sum = this.#shares.reduce((all, share) => all + share, 0);
    if (sum >= MOST * this.#shares.length && this.#shares.length > 0)
      return { keep: false, reason: 'the last updates changed most of the files' };
    if (!isLarge(published)) return { keep: false, reason: 'the tree is so small that writing it whole is less work' };
    return { keep: true, reason: 'updates write less with it' };
  }
}
