import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Git, GitRunOptions } from '../git/git.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import { type BytePath, pathOfText } from '../platform/byte-path.ts';
import { createDirectoryBelow, makeDirectoryBelow, removeFileBelow, renameBelow } from '../platform/files-below.ts';
import { makeWay } from '../platform/make-way.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';
import { showPath } from '../platform/show-path.ts';
import { type CarriedOver, carryOver, type FinishedTree } from './carry-over.ts';
import { changesSince } from './changed-since.ts';
import { readPlainDifference } from './difference.ts';
import type { CheckoutPlan } from './plan.ts';
import {
  type FinishedRecord,
  keptIndexOf,
  MARKER,
  markFinished,
  readFinished,
  recordOf,
  withdrawFinished,
} from './record.ts';
import { sparseArguments, writeSparsePatterns } from './sparse.ts';
import { countEntries } from './verify-tree.ts';
import { clearRecord, type Worktree, writeGitFile, writeRecord } from './worktree.ts';

const GIT_FILE = pathOfText('.git');

function doubt(detail: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_CHECKOUT_FAILED', { op: 'recycle a worktree', detail, cause });
}

function isMadeAs(record: FinishedRecord, plan: CheckoutPlan): boolean {
  return record.fingerprint === plan.fingerprint && record.surroundings === plan.surroundings;
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** @throws SidecarError ERR_CHECKOUT_FAILED when it was made in another way than trees are made today */
async function finishedTree(worktree: Worktree, plan: CheckoutPlan): Promise<FinishedTree> {
  const record = await readFinished(worktree);
  if (!record || !isMadeAs(record, plan)) throw doubt('it was made under other settings');
  return { path: worktree.path, index: keptIndexOf(worktree), finishedAtNs: record.finishedAtNs };
}

export interface SpareOptions {
  readonly git: Git;
  readonly runner: ProcessRunner;
  /** For programs besides git. */
  readonly env: Environment;
  readonly gitDir: string;
  /** Directory of our own files in the repository. */
  readonly stateDir: string;
}

/** A spare in which nothing was changed since it was made, as far as is known. */
export interface UntouchedSpare {
  readonly worktree: Worktree;
  /** Paths of files in it that were changed, which is still being looked into while it is taken. */
  readonly changedFiles: Promise<readonly BytePath[]>;
}

export interface SpareMaking {
  /** What the spare is to be like: a finished worktree, which stays. */
  readonly like: Worktree;
  /** A worktree that is no longer used; it is then good for removal only. undefined: the files are cloned. */
  readonly old: Worktree | undefined;
  readonly plan: CheckoutPlan;
  readonly signal: AbortSignal;
}

/**
 * The spare: a whole worktree of an earlier commit, which no reader can reach. The next update writes only the
 * difference into it (docs/adr/0004). It is made of files that were published before, in directories that never were,
 * and exactly one exists at a time.
 */
export class Spare {
  readonly #options: SpareOptions;
  readonly #git: Git;
  readonly #root: string;
  readonly #path: string;
  readonly #adminDir: string;
  /** What is left of an earlier spare and can be neither removed nor moved. */
  #inTheWay: string | undefined;

  constructor(options: SpareOptions) {
    const { git, gitDir, stateDir } = options;
    this.#options = options;
    this.#git = git;
    this.#root = dirname(gitDir);
    this.#path = join(stateDir, 'spare');
    this.#adminDir = join(gitDir, 'worktrees', 'git-sidecar-spare');
  }

  /** The directory of its files, whether there is one or not. */
  get path(): string {
    return this.#path;
  }

  /** The spare that is ready; undefined when there is none, or it was left half made. */
  async find(): Promise<Worktree | undefined> {
    if (this.#inTheWay !== undefined) return undefined;
    const head = parseOid(((await readText(join(this.#adminDir, 'HEAD'))) ?? '').trim());
    const spare = head && this.#at(head);
    return spare && (await readFinished(spare)) ? spare : undefined;
  }

  /**
   * The spare, if nothing in it has changed since it was made. Nobody should write there, but `chmod -R` or a remount
   * with another group reaches every file below the root; such a spare is removed.
   */
  async findUntouched(signal: AbortSignal): Promise<UntouchedSpare | undefined> {
    const worktree = await this.find();
    if (!worktree) return undefined;
    const { runner, env } = this.#options;
    // Not the record's change time: what reaches every file below the root reaches the record too.
    const { mtimeNs: sinceNs } = await lstat(recordOf(worktree), { bigint: true });
    const question = { path: worktree.path, sinceNs, entries: await countEntries(worktree), runner, env, signal };
    const { directories, files } = changesSince(question);
    if (!(await directories.catch(() => true))) return { worktree, changedFiles: files };
    if (!signal.aborted) await this.discard();
    return undefined;
  }

  /**
   * Makes the spare like a worktree that stays, what is published: so it keeps no object alive that is not needed
   * otherwise, and the next update is a small step. Files that an old worktree has as well are moved from there, the
   * others are copied. No git is needed, unless somebody touched both files.
   *
   * @returns how many files came which way
   * @throws SidecarError ERR_CHECKOUT_FAILED when it cannot be recycled, ERR_GIT_* as git fails; no spare is left then
   */
  async make({ like, old, plan, signal }: SpareMaking): Promise<CarriedOver> {
    const trees = { like: await finishedTree(like, plan), old: old && (await finishedTree(old, plan)) };
    await this.discard();
    if (this.#inTheWay !== undefined) throw doubt(this.#inTheWay);
    const spare = this.#at(like.oid);
    try {
      for (const path of [spare.path, spare.adminDir]) {
        await makeDirectoryBelow({ root: this.#root, path: dirname(path) });
        await createDirectoryBelow({ root: this.#root, path });
      }
      if (old) await withdrawFinished(old);
      const carried = await carryOver({
        ...trees,
        root: this.#root,
        oidBytes: like.oid.length === 64 ? 32 : 20,
        copying: old ? 'data' : 'clone',
        to: spare.path,
        toIndex: join(spare.adminDir, 'index'),
        signal,
      });
      await writeRecord(spare, like.oid);
      await writeGitFile(spare);
      await writeSparsePatterns(spare, plan);
      if (carried.left > 0) await this.#reset(spare, '--hard', plan, signal);
      await markFinished(spare, plan.fingerprint, plan.surroundings);
      return carried;
    } catch (error) {
      await this.discard();
      throw error instanceof SidecarError ? error : doubt(messageOf(error), error);
    }
  }

  /**
   * Turns the spare into a finished worktree of another commit.
   *
   * @throws SidecarError ERR_CHECKOUT_FAILED when the two commits differ in a way that only a full checkout shows
   *   rightly, or a file of the spare was changed, ERR_GIT_* as git fails; neither spare nor target is left then
   */
  async take(
    { worktree: spare, changedFiles }: UntouchedSpare,
    target: Worktree,
    plan: CheckoutPlan,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const record = await readFinished(spare);
      if (!record || !isMadeAs(record, plan)) throw doubt('it was made under other settings');
      await withdrawFinished(spare);
      await clearRecord(target);
      await this.#move(spare.adminDir, target.adminDir);
      // Before the files come, which it proves to be ours.
      await writeRecord(target, spare.oid);
      await this.#move(spare.path, target.path);
      await writeGitFile(target);
      const ours = await this.#bring(target, spare.oid, plan, signal);
      // git has checked the files that it changed. No other file may have changed.
      const theirs = (await changedFiles).find((path) => !ours.has(path) && path !== GIT_FILE);
      if (theirs !== undefined) throw doubt(`${showPath(theirs)} was changed in it`);
      await markFinished(target, plan.fingerprint, plan.surroundings);
    } catch (error) {
      await this.discard();
      throw error instanceof SidecarError ? error : doubt(messageOf(error), error);
    }
  }

  /**
   * Removes the spare, whole or not, and moves aside what cannot be removed. Where not even that is possible there is no
   * spare until it is; nothing fails for that (docs/adr/0012).
   */
  async discard(): Promise<void> {
    const root = this.#root;
    this.#inTheWay = undefined;
    const adminDir = this.#adminDir;
    const steps = [
      () => removeFileBelow({ root, path: join(adminDir, MARKER) }),
      () => clearRecord({ root, adminDir }),
      () => makeWay({ root, path: this.#path }),
    ];
    for (const step of steps) {
      await step().catch((error: unknown) => {
        this.#inTheWay = messageOf(error);
      });
    }
  }

  /** Removes what there is of a spare; where there is nothing, nothing is done. */
  async removeAny(): Promise<void> {
    const found = await Promise.all([this.#path, this.#adminDir].map(async (path) => await isThere(path)));
    if (found.includes(true)) await this.discard();
  }

  /** Moves one of the spare's two directories to its new place. */
  async #move(from: string, to: string): Promise<void> {
    const root = this.#root;
    await makeWay({ root, path: to });
    await makeDirectoryBelow({ root, path: dirname(to) });
    await renameBelow(root, from, to);
  }

  #at(oid: Oid): Worktree {
    return { root: this.#root, path: this.#path, oid, adminDir: this.#adminDir };
  }

  /**
   * Brings the files of a worktree from one commit to its own. Git looks at what differs only, and refuses where such a
   * file was changed.
   * @returns the paths in which the commits differ
   */
  async #bring(worktree: Worktree, from: Oid, plan: CheckoutPlan, signal: AbortSignal): Promise<ReadonlySet<BytePath>> {
    if (from === worktree.oid) return new Set();
    // Both have to be over, with or without an error, before the files that they look at are removed.
    const steps = [
      readPlainDifference(this.#git, worktree, from, signal),
      this.#reset(worktree, '--keep', plan, signal),
    ] as const;
    const [difference, reset] = await Promise.allSettled(steps);
    if (reset.status === 'rejected') throw reset.reason;
    if (difference.status === 'rejected') throw difference.reason;
    // A file in the place of a directory, or the other way round, keeps the other's answer to the patterns.
    if (plan.sparsePatterns !== undefined)
      await this.#git.run([...sparseArguments(plan), 'sparse-checkout', 'reapply'], this.#work(worktree, signal));
    return difference.value;
  }

  async #reset(worktree: Worktree, how: '--keep' | '--hard', plan: CheckoutPlan, signal: AbortSignal): Promise<void> {
    const args = [...sparseArguments(plan), 'reset', how, '--quiet', '--no-recurse-submodules', worktree.oid];
    await this.#git.run(args, this.#work(worktree, signal));
    await removeFileBelow({ root: this.#root, path: join(worktree.adminDir, 'ORIG_HEAD') });
  }

  #work({ oid, path }: Worktree, signal: AbortSignal): GitRunOptions {
    return { op: 'bring a worktree to', target: oid, cwd: path, signal };
  }
}
