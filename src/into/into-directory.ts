import { statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { type BytePath, continuePath, pathOfText } from '../platform/byte-path.ts';
import type { Clock } from '../platform/clock.ts';
import { removeFileBelow, renameBelow, writeBelow } from '../platform/files-below.ts';
import type { Logger } from '../platform/log.ts';
import { showPath, showPaths } from '../platform/show-path.ts';
import { applyJournal } from './apply-journal.ts';
import { Breath, type BreathOptions } from './breath.ts';
import { removeEntry } from './entry-copy.ts';
import { changesNothing, type Journal, parseJournal, renderJournal } from './journal.ts';
import { type DirectoryMark, type Ledger, type LedgerHead, readIfThere, readLedger, writeLedger } from './ledger.ts';
import { makePlan, type Plan } from './make-plan.ts';
import { OpenPath } from './open-path.ts';
import type { RevisionFile } from './revision-file.ts';
import { stageFiles, unstageFiles } from './stage-files.ts';
import { inDoubt } from './stamp.ts';

export interface IntoOptions {
  /** Real path of the directory, which is there. */
  readonly directory: string;
  /** Real path of the directory below which the ledger and the journal are. */
  readonly root: string;
  /** That directory. */
  readonly stateDir: string;
  /** Identity of this boot of the machine. */
  readonly boot: string;
  readonly revisionFile: RevisionFile | undefined;
  /** Rename what is in the way and not ours. */
  readonly moveAside: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A finished tree, of which the directory is to be a copy. */
export interface IntoSource {
  /** What is in `.git` does not belong to it. */
  readonly directory: string;
  readonly oid: Oid;
  /** Changes whenever a tree of the same commit would look different. */
  readonly shape: string;
  /** The paths below `directory` in which another commit differs from this one. @throws when that cannot be said */
  readonly difference: (from: Oid) => Promise<ReadonlySet<BytePath>>;
}

/** What an update did in the directory. */
export interface Brought {
  readonly written: number;
  readonly removed: number;
}

const NOTHING_OF_OURS: Pick<Ledger, 'files' | 'directories'> = { files: new Map(), directories: new Set() };

/**
 * A directory that is kept like the trees of a revision, and can hold other things. What is ours in it is in a ledger.
 * An update writes all new files under temporary names first. Until then nothing changed, and it can be taken back.
 * From then on it needs no room, and whoever finds its journal goes on with it.
 */
export class IntoDirectory {
  readonly #options: IntoOptions;
  /** What the directory is at, if it is complete. */
  #at: LedgerHead | undefined;
  #isSettled = false;
  #reported = '';

  constructor(options: IntoOptions) {
    this.#options = options;
  }

  /** Real path. */
  get directory(): string {
    return this.#options.directory;
  }

  /** The commit that is in it completely, as far as is known; undefined: none. */
  get oid(): Oid | undefined {
    return this.#at?.complete && this.#at.boot === this.#options.boot ? this.#at.oid : undefined;
  }

  /** It has been brought to this tree. */
  isAt({ oid, shape }: Pick<IntoSource, 'oid' | 'shape'>): boolean {
    return this.oid === oid && this.#at?.shape === shape;
  }

  /** Finishes or takes back what a process that was killed had begun. @throws the system's error */
  async recover(work: BreathOptions): Promise<void> {
    await this.#explained(work, async () => await this.#settle(work));
  }

  /** What would be done, by changes and removals; nothing is. */
  async compare(source: IntoSource, work: BreathOptions): Promise<readonly BytePath[]> {
    return await this.#explained(work, async () => {
      await this.#settle(work);
      const { journal } = await this.#between(
        source,
        async (target, tree) => (await this.#plan(target, tree, source, work)).plan,
      );
      return [...journal.placements, ...journal.removals].map(({ path }) => path);
    });
  }

  /**
   * Brings the directory to a tree.
   * @throws SidecarError ERR_INTO_*; unless it is ERR_INTO_FAILED, nothing was changed
   */
  async bring(source: IntoSource, work: BreathOptions): Promise<Brought> {
    return await this.#explained(work, async () => {
      await this.#settle(work);
      return await this.#between(source, async (target, tree) => {
        const { plan, ledger } = await this.#plan(target, tree, source, work);
        this.#reportHidden(plan.hidden);
        await this.#perform(plan.journal, ledger, target, tree, work);
        return { written: plan.journal.placements.length, removed: plan.journal.removals.length };
      });
    });
  }

  async #between<T>(source: IntoSource, use: (target: OpenPath, tree: OpenPath) => Promise<T>): Promise<T> {
    const target = OpenPath.open(this.#options.directory);
    try {
      const tree = OpenPath.open(source.directory);
      try {
        return await use(target, tree);
      } catch (error) {
        throw tree.explain(target.explain(error));
      } finally {
        tree.close();
      }
    } finally {
      target.close();
    }
  }

  async #plan(
    target: OpenPath,
    tree: OpenPath,
    source: IntoSource,
    work: BreathOptions,
  ): Promise<{ plan: Plan; ledger: Ledger | undefined }> {
    const { directory, moveAside, clock, revisionFile, boot } = this.#options;
    const mark = markOf(directory);
    const ledger = await this.#ledgerOf(mark);
    const { oid, shape } = source;
    const plan = await makePlan({
      directory,
      target,
      source: tree,
      ledger: ledger ?? NOTHING_OF_OURS,
      head: { version: 1, directory: mark, oid, shape, boot, complete: true },
      difference: ledger && (await this.#differenceFrom(ledger.head, source)),
      nameAside: moveAside ? (name) => continuePath(name, pathOfText(`.before-git-sidecar-${clock.now()}`)) : undefined,
      reserved: revisionFile?.inner,
      breath: new Breath(work),
    });
    return { plan, ledger };
  }

  /** The ledger, if it is about the directory that is there now. */
  async #ledgerOf(mark: DirectoryMark): Promise<Ledger | undefined> {
    const { directory, log } = this.#options;
    const ledger = await readLedger(this.#file('ledger'));
    if (!ledger) return undefined;
    if (isSameMark(ledger.head.directory, mark)) return ledger;
    log.info(0, 'this is another directory than before: nothing in it is known to be ours', { directory });
    return undefined;
  }

  async #differenceFrom(head: LedgerHead, source: IntoSource): Promise<ReadonlySet<BytePath> | undefined> {
    if (!head.complete || head.shape !== source.shape || head.boot !== this.#options.boot) return undefined;
    if (head.oid === source.oid) return new Set();
    try {
      return await source.difference(head.oid);
    } catch (error) {
      const reason = error instanceof SidecarError ? error.detail : messageOf(error);
      this.#options.log.info(1, 'all files of the directory are compared', { directory: this.directory, reason });
      return undefined;
    }
  }

  async #perform(
    journal: Journal,
    ledger: Ledger | undefined,
    target: OpenPath,
    tree: OpenPath,
    work: BreathOptions,
  ): Promise<void> {
    const breath = new Breath(work);
    if (changesNothing(journal)) {
      const { head, adopted, forgotten } = journal;
      const isKnown = ledger && JSON.stringify(ledger.head) === JSON.stringify(head);
      // It names another commit while the ledger is written: then what is in the directory is of both.
      if (ledger?.head.oid !== head.oid) await this.#options.revisionFile?.remove();
      if (!isKnown || adopted.size > 0 || forgotten.length > 0)
        await writeLedger(
          this.#file('ledger'),
          await applyJournal(journal, { target, ledger: ledger ?? NOTHING_OF_OURS, breath }),
        );
      await this.#showRevision(head);
      return;
    }
    this.#at = undefined;
    this.#isSettled = false;
    await writeBelow(this.#file('staging'), renderJournal(journal), { flush: true });
    try {
      await stageFiles(journal, target, tree, breath);
    } catch (error) {
      await this.#takeBack(journal, target);
      throw target.explain(error);
    }
    await renameBelow(this.#options.root, this.#file('staging').path, this.#file('applying').path);
    await this.#apply(journal, ledger, target, breath);
  }

  /** Removes what is staged; the directory is as it was. */
  async #takeBack(journal: Journal, target: OpenPath): Promise<void> {
    await unstageFiles(journal, target);
    await removeFileBelow(this.#file('staging'));
    const ledger = await readLedger(this.#file('ledger'));
    this.#at = ledger?.head;
    this.#isSettled = true;
  }

  async #apply(journal: Journal, ledger: Ledger | undefined, target: OpenPath, breath: Breath): Promise<void> {
    await this.#options.revisionFile?.remove();
    const after = await applyJournal(journal, { target, ledger: ledger ?? NOTHING_OF_OURS, breath });
    this.#reportAside(journal);
    await writeLedger(this.#file('ledger'), after);
    await this.#showRevision(after.head);
    await removeFileBelow(this.#file('applying'));
    this.#isSettled = true;
  }

  async #showRevision(head: LedgerHead): Promise<void> {
    await this.#options.revisionFile?.show(head.oid);
    this.#at = head;
  }

  /** Goes on with a journal that was left, or takes it back. Once that has succeeded there is none. */
  async #settle(work: BreathOptions): Promise<void> {
    if (this.#isSettled) return;
    const { directory, revisionFile } = this.#options;
    const target = OpenPath.open(directory);
    try {
      await revisionFile?.removeLeftovers();
      const mark = markOf(directory);
      const staging = await this.#journalAbout(mark, 'staging');
      if (staging) await this.#takeBack(staging, target);
      const applying = await this.#journalAbout(mark, 'applying');
      if (applying) await this.#goOn(applying, target, work);
      await removeFileBelow(this.#file('staging'));
      await removeFileBelow(this.#file('applying'));
      this.#at = (await this.#ledgerOf(mark))?.head;
      // After a power cut it is not known until all files are compared.
      if (this.oid === undefined) await revisionFile?.remove();
      this.#isSettled = true;
    } catch (error) {
      throw target.explain(error);
    } finally {
      target.close();
    }
  }

  async #goOn(journal: Journal, target: OpenPath, work: BreathOptions): Promise<void> {
    const { log, directory, boot } = this.#options;
    const ledger = await readLedger(this.#file('ledger'));
    try {
      if (journal.head.boot !== boot) throw new Error('the machine was started anew since');
      await this.#apply(journal, ledger, target, new Breath(work));
      log.info(0, 'went on with an update that was interrupted', { directory, hash: journal.head.oid });
    } catch (error) {
      if (work.signal.aborted) throw error;
      log.warn('an update that was interrupted cannot be finished, so all files are compared', {
        directory,
        reason: messageOf(target.explain(error)),
      });
      await this.#giveUp(journal, ledger, target);
    }
  }

  /** What is in the directory is ours if it was before, or if the journal has put it there. */
  async #giveUp(journal: Journal, ledger: Ledger | undefined, target: OpenPath): Promise<void> {
    target.forget();
    const files = new Map(ledger?.files);
    const directories = new Set([...(ledger?.directories ?? []), ...journal.prepare]);
    for (const { path, temporary, make, kind, mode } of journal.placements) {
      for (const each of make) directories.add(each);
      const staged = target.entry(temporary);
      if (staged) removeEntry(staged);
      else files.set(path, inDoubt(files.get(path) ?? { kind, mode, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0 }));
    }
    for (const [path, stamp] of journal.adopted) files.set(path, inDoubt(stamp));
    const head = { ...(ledger?.head ?? journal.head), complete: false };
    await writeLedger(this.#file('ledger'), { head, files, directories });
    await removeFileBelow(this.#file('applying'));
  }

  /** Of another directory there is nothing to go on with in this one. */
  async #journalAbout(mark: DirectoryMark, name: 'staging' | 'applying'): Promise<Journal | undefined> {
    const text = (await readIfThere(this.#file(name)))?.toString();
    const journal = text === undefined ? undefined : parseJournal(text);
    return journal && isSameMark(journal.head.directory, mark) ? journal : undefined;
  }

  #file(name: 'ledger' | 'staging' | 'applying'): { root: string; path: string } {
    const { root, stateDir } = this.#options;
    return { root, path: join(stateDir, `into.${name}`) };
  }

  #reportHidden(paths: readonly BytePath[]): void {
    const files = showPaths(paths);
    const { log, directory } = this.#options;
    if (files !== '' && files !== this.#reported)
      log.warn('files of an earlier revision are hidden by a symbolic link or a mount point, so they stay', {
        directory,
        files,
      });
    this.#reported = files;
  }

  #reportAside({ placements }: Journal): void {
    for (const { clear } of placements)
      for (const clearing of clear)
        if (clearing.how === 'aside')
          this.#options.log.warn('moved aside what was in the way of the revision', {
            from: join(this.directory, showPath(clearing.path)),
            to: join(this.directory, showPath(clearing.to)),
          });
  }

  async #explained<T>({ signal }: BreathOptions, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof SidecarError || (signal.aborted && error === signal.reason)) throw error;
      throw new SidecarError('ERR_INTO_FAILED', {
        op: 'bring the revision into',
        target: this.directory,
        detail: messageOf(error),
        cause: error,
      });
    }
  }
}

function markOf(directory: string): DirectoryMark {
  const { ino, birthtimeMs } = statSync(directory);
  return { ino, birthtimeMs };
}

function isSameMark(one: DirectoryMark, other: DirectoryMark): boolean {
  return one.ino === other.ino && one.birthtimeMs === other.birthtimeMs;
}
