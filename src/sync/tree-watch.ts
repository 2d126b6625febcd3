import { isClean } from '../checkout/checkout.ts';
import { compareTree } from '../checkout/verify-tree.ts';
import type { SyncContext } from './context.ts';
import type { Cycle } from './cycle.ts';

/** A comparison may use this share of the time. */
const SHARE_OF_TIME = 0.001;

/** Hooks run inside the tree and may well be what changed it: then it is reported, and repaired only at a restart. */
function hooksMayChangeIt({ config }: SyncContext): boolean {
  return config.exechook !== undefined || config.prePublishHook !== undefined;
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
  async isWhole(context: SyncContext, cycle: Cycle): Promise<boolean> {
    const { config, clock, observer, log, git } = context;
    const { live } = cycle;
    if (!live || config.verifyPeriodMs <= 0 || clock.monotonic() < this.#nextAt) return true;
    const before = clock.monotonic();
    const report = await compareTree(live, cycle.signal).catch(() => undefined);
    const took = clock.monotonic() - before;
    this.#nextAt = clock.monotonic() + Math.max(config.verifyPeriodMs, took / SHARE_OF_TIME);
    if (!report) return false;

    observer.onVerify(report.changed.length, report.untracked.length);
    const untracked = report.untracked.slice(0, 10).join(', ');
    if (untracked !== this.#reportedUntracked && untracked !== '') {
      log.info(0, 'the published tree holds files that no commit put there; the next update will not have them', {
        files: untracked,
      });
    }
    this.#reportedUntracked = untracked;
    if (report.changed.length === 0 || config.permissions !== undefined) return true;
    if (!(await context.repository.guard())) return false;
    if (await isClean(git, live, cycle.signal)) return true;
    const files = report.changed.slice(0, 10).join(', ');
    if (files !== this.#reportedChanged) log.warn('tracked files in the published tree were changed', { files });
    this.#reportedChanged = files;
    return hooksMayChangeIt(context) && !cycle.first;
  }
}
