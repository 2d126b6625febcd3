import { isClean } from '../checkout/checkout.ts';
import { compareTree } from '../checkout/verify-tree.ts';
import type { Worktree } from '../checkout/worktree.ts';
import { type BytePath, continuePath, pathOfText } from '../platform/byte-path.ts';
import { showPaths } from '../platform/show-path.ts';
import type { Needs } from './context.ts';
import type { CycleScope } from './cycle.ts';

/** A comparison may use this share of the time. */
export const SHARE_OF_TIME = 0.001;

/** Hooks run inside the tree and may well be what changed it: then it is reported, and repaired only at a restart. */
export function hooksMayEdit({ config }: Needs<'config'>): boolean {
  return config.exechook !== undefined || config.prePublishHook !== undefined;
}

function isOnTheWay(path: BytePath, part: string | undefined): boolean {
  return part !== undefined && pathOfText(`${part}/`).startsWith(continuePath(path, pathOfText('/')));
}

/**
 * Compares the published files with their commit from time to time, so that an edited, deleted or added file does not
 * stay unnoticed until the next commit (compat.md 9.9). It starts no process unless a file looks changed.
 */
export class TreeWatch {
  #nextAt = 0;
  #reportedUntracked = '';
  #reportedChanged = '';

  /** False when tracked files differ from the commit, so that the tree must be rebuilt. */
  async isWhole(
    context: Needs<'config' | 'clock' | 'observer' | 'log' | 'git' | 'repository'>,
    live: Worktree,
    { signal, first }: CycleScope,
  ): Promise<boolean> {
    const { config, clock, observer, log, git, repository } = context;
    if (config.verifyPeriodMs <= 0 || clock.monotonic() < this.#nextAt) return true;
    const before = clock.monotonic();
    // A tree that cannot be compared is rebuilt.
    const report = await compareTree(live, signal).catch(() => undefined);
    const took = clock.monotonic() - before;
    this.#nextAt = clock.monotonic() + Math.max(config.verifyPeriodMs, took / SHARE_OF_TIME);
    if (!report) return false;

    observer.onVerify(report.changed.length, report.untracked.length);
    // An empty directory that stands for a part which the commit does not have is ours.
    const untracked = showPaths(report.untracked.filter((path) => !isOnTheWay(path, config.path)));
    if (untracked !== this.#reportedUntracked && untracked !== '') {
      log.info(0, 'the published tree holds files that no commit put there; the next update will not have them', {
        files: untracked,
      });
    }
    this.#reportedUntracked = untracked;
    if (report.changed.length === 0 || config.permissions !== undefined) return true;
    if (!(await repository.guard())) return false;
    if (await isClean(git, live, signal)) return true;
    const files = showPaths(report.changed);
    if (files !== this.#reportedChanged) log.warn('tracked files in the published tree were changed', { files });
    this.#reportedChanged = files;
    return hooksMayEdit(context) && !first;
  }
}
