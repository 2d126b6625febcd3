import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { type BytePath, pathOfText } from '../platform/byte-path.ts';
import type { Clock } from '../platform/clock.ts';
import type { Flush } from '../platform/flush.ts';
import type { Logger } from '../platform/log.ts';
import { makeDirectory } from '../platform/make-directory.ts';
import { showPath, showPaths } from '../platform/show-path.ts';
import { applyJournal } from './apply-journal.ts';
import { Breath, type BreathOptions } from './breath.ts';
import { settleInterrupted, takeBack } from './interrupted.ts';
import { changesNothing, type Journal } from './journal.ts';
import type { Ledger, LedgerHead } from './ledger.ts';
import { makePlan, type Plan } from './make-plan.ts';
import { OpenPath } from './open-path.ts';
import { Records } from './records.ts';
import type { RevisionFile } from './revision-file.ts';
import { stageFiles } from './stage-files.ts';

export interface IntoOptions {
  /** Real path of the directory; it is made when it is missing. */
  readonly directory: string;
  /** Real path of the directory below which the ledger and the journal are. */
  readonly root: string;
  /** That directory. */
  readonly records: string;
  /** Identity of this boot of the machine. */
  readonly boot: string;
  readonly revisionFile: RevisionFile | undefined;
  /** Rename what is in the way and not ours. */
  readonly moveAside: boolean;
  /** Set where a revision has to be on the disk before anything says that it is there. */
  readonly flush: Flush | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A finished tree, of which the directory is to be a copy. */
export interface IntoSource {
  /** What is called `.git` in it does not belong to it. */
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

/** The two trees that an update is about, while they are held. */
interface Between {
  readonly target: OpenPath;
  readonly tree: OpenPath;
}

interface Planned extends Plan {
  readonly ledger: Ledger | undefined;
}

const DIRECTORY_MODE = 0o777;
const NOTHING_OF_OURS: Pick<Ledger, 'files' | 'directories'> = { files: new Map(), directories: new Set() };

/**
 * A directory that is kept like the trees of a revision, and can hold other things. What is ours in it is in a ledger.
 * An update writes all new files under temporary names first. Until then nothing changed, and it can be taken back.
 * From then on it needs no room, and whoever finds its journal goes on with it.
 */
export class IntoDirectory {
  readonly #options: IntoOptions;
  readonly #records: Records;
  /** What the directory is at, as the ledger says. */
  #head: LedgerHead | undefined;
  /** There is no journal. */
  #isSettled = false;
  #reported = '';

  constructor(options: IntoOptions) {
    this.#options = options;
    this.#records = new Records(options);
  }

  /** Real path. */
  get directory(): string {
    return this.#options.directory;
  }

  /** The commit that is in it completely, as far as is known; undefined: none. */
  get oid(): Oid | undefined {
    const head = this.#isSettled ? this.#head : undefined;
    return head?.complete && head.boot === this.#options.boot ? head.oid : undefined;
  }

  /** It has been brought to this tree. */
  isAt({ oid, shape }: Pick<IntoSource, 'oid' | 'shape'>): boolean {
    return this.oid === oid && this.#head?.shape === shape;
  }

  /** Finishes or takes back what a process that was killed had begun. @throws SidecarError ERR_INTO_FAILED */
  async recover(work: BreathOptions): Promise<void> {
    await this.#explained(work, async () => await this.#settle(work));
  }

  /** The paths that {@link bring} would write or remove. */
  async compare(source: IntoSource, work: BreathOptions): Promise<readonly BytePath[]> {
    return await this.#explained(work, async () => {
      await this.#settle(work);
      const { journal } = await this.#between(source, async (between) => await this.#plan(between, source, work));
      const changes = [...journal.placements, ...journal.removals].map(({ path }) => path);
      const { revisionFile } = this.#options;
      const isShown = revisionFile === undefined || (await revisionFile.shows(source.oid));
      return isShown ? changes : [...changes, pathOfText(revisionFile.path)];
    });
  }

  /**
   * Brings the directory to a tree.
   * @throws SidecarError ERR_INTO_*; unless it is ERR_INTO_FAILED, nothing was changed
   */
  async bring(source: IntoSource, work: BreathOptions): Promise<Brought> {
    return await this.#explained(work, async () => {
      await this.#settle(work);
      return await this.#between(source, async (between) => {
        const planned = await this.#plan(between, source, work);
        const { journal, hidden } = planned;
        await this.#options.revisionFile?.requireFree(this.#asideSuffix);
        this.#reportHidden(hidden);
        if (changesNothing(journal)) await this.#note(planned, between, work);
        else await this.#perform(planned, between, work);
        return { written: journal.placements.length, removed: journal.removals.length };
      });
    });
  }

  async #between<T>(source: IntoSource, use: (between: Between) => Promise<T>): Promise<T> {
    const target = OpenPath.open(this.#options.directory);
    try {
      const tree = OpenPath.open(source.directory);
      try {
        return await use({ target, tree });
      } catch (error) {
        throw tree.explain(target.explain(error));
      } finally {
        tree.close();
      }
    } finally {
      target.close();
    }
  }

  async #plan({ target, tree }: Between, source: IntoSource, work: BreathOptions): Promise<Planned> {
    const { directory, revisionFile, boot } = this.#options;
    const ledger = await this.#records.ledger();
    const { oid, shape } = source;
    const plan = await makePlan({
      directory,
      target,
      source: tree,
      ledger: ledger ?? NOTHING_OF_OURS,
      head: { version: 1, directory: this.#records.mark, oid, shape, boot, complete: true },
      difference: ledger && (await this.#differenceFrom(ledger.head, source)),
      asideSuffix: this.#asideSuffix,
      reserved: revisionFile?.inner,
      breath: new Breath(work),
    });
    return { ...plan, ledger };
  }

  get #asideSuffix(): string | undefined {
    const { moveAside, clock } = this.#options;
    return moveAside ? `.before-git-sidecar-${clock.now()}` : undefined;
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

  /** Nothing in the directory changes: what is known about it does. */
  async #note({ journal, ledger }: Planned, { target }: Between, work: BreathOptions): Promise<void> {
    const { head, adopted, forgotten } = journal;
    const { revisionFile } = this.#options;
    const isKnown = ledger && JSON.stringify(ledger.head) === JSON.stringify(head);
    if (!isKnown || adopted.size > 0 || forgotten.length > 0) {
      const before = ledger ?? NOTHING_OF_OURS;
      const after = await applyJournal(journal, { target, ledger: before, breath: new Breath(work) });
      await this.#records.keep(after);
    }
    await revisionFile?.show(head.oid);
    this.#head = head;
  }

  async #perform({ journal, ledger }: Planned, { target, tree }: Between, work: BreathOptions): Promise<void> {
    const breath = new Breath(work);
    this.#isSettled = false;
    await this.#records.begin(journal);
    try {
      await stageFiles(journal, target, tree, breath);
    } catch (error) {
      const explained = tree.explain(target.explain(error));
      await takeBack(journal, { records: this.#records, target });
      this.#isSettled = true;
      throw explained;
    }
    await this.#flush(breath);
    await this.#records.commit();
    await this.#apply(journal, ledger, target, breath);
  }

  async #apply(journal: Journal, ledger: Ledger | undefined, target: OpenPath, breath: Breath): Promise<void> {
    const { revisionFile } = this.#options;
    await revisionFile?.remove();
    const after = await applyJournal(journal, { target, ledger: ledger ?? NOTHING_OF_OURS, breath });
    this.#reportAside(journal);
    await this.#flush(breath);
    await this.#records.keep(after);
    await revisionFile?.show(after.head.oid);
    await this.#records.end('applying');
    this.#head = after.head;
    this.#isSettled = true;
  }

  async #settle(work: BreathOptions): Promise<void> {
    if (this.#isSettled) return;
    const { directory, revisionFile, log, boot } = this.#options;
    const target = OpenPath.open(directory);
    try {
      const apply = this.#apply.bind(this);
      await settleInterrupted({ records: this.#records, target, log, boot, apply }, work);
      await revisionFile?.removeLeftovers();
      this.#head = (await this.#records.ledger())?.head;
      this.#isSettled = true;
      // After a power cut, for instance, it is not known until all files are compared.
      if (this.oid === undefined) await revisionFile?.remove();
    } catch (error) {
      throw target.explain(error);
    } finally {
      target.close();
    }
  }

  async #flush({ signal }: Breath): Promise<void> {
    const { flush, directory, root } = this.#options;
    await flush?.([directory, root], signal);
  }

  #reportHidden(paths: readonly BytePath[]): void {
    const files = showPaths(paths);
    const { log, directory } = this.#options;
    if (files !== '' && files !== this.#reported) {
      const message = 'files of an earlier revision are hidden by a symbolic link or a mount point, so they stay';
      log.warn(message, { directory, files });
    }
    this.#reported = files;
  }

  #reportAside({ placements }: Journal): void {
    const { log, directory } = this.#options;
    for (const clearing of placements.flatMap(({ clear }) => clear)) {
      if (clearing.how !== 'aside') continue;
      const [from, to] = [join(directory, showPath(clearing.path)), join(directory, showPath(clearing.to))];
      log.warn('moved aside what was in the way of the revision', { from, to });
    }
  }

  /** It was there at the start. Somebody may have removed it since, and then it is another one, with nothing of ours. */
  async #makeIfMissing(): Promise<void> {
    const { directory, log } = this.#options;
    if (lstatSync(directory, { throwIfNoEntry: false })) return;
    await makeDirectory(directory, DIRECTORY_MODE);
    log.warn('somebody removed the directory, so it was made anew', { directory });
  }

  async #explained<T>({ signal }: BreathOptions, run: () => Promise<T>): Promise<T> {
    try {
      await this.#makeIfMissing();
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
