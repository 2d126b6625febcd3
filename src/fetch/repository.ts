import { join } from 'node:path';
import { removeStaleLocks, removeTemporaries } from '../git/locks.ts';
import { findDiversion } from '../git/structure.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { ObjectFormat, Oid } from '../model/oid.ts';
import type { Below } from '../platform/below.ts';
import { bounded } from '../platform/bounded.ts';
import { makeDirectoryBelow, renameBelow, writeBelow } from '../platform/files-below.ts';
import { makeWay, moveAside, removeAside, removeLink } from '../platform/make-way.ts';
import { describeKept } from '../platform/remove-tree.ts';
import { borrowObjects, borrowShallow } from './loan.ts';
import { makeRepository } from './make-repository.ts';
import { neededCommits } from './needed-commits.ts';
import { keepsRefsInFiles } from './pack-fetch.ts';
import { recognizeRepository } from './recognize.ts';
import { type ConfiguredRepository, forgetPromises, objectFormatOf, setRemote } from './remote-config.ts';
import { canBeOpened, isWhole } from './repository-checks.ts';
import type { RepositoryOptions } from './repository-options.ts';
import { RunningMark } from './running-mark.ts';
import { EMPTY_STATE, type RepositoryState, readState, writeState } from './state.ts';
import { removeTornRecords, removeTornRefs } from './torn-files.ts';

/** The repository below the root: made, recognised, taken over or rebuilt. Knows what is known about it. */
export class Repository {
  readonly #options: RepositoryOptions;
  readonly #mark: RunningMark;
  #state: RepositoryState = EMPTY_STATE;
  #ready = false;
  #isUntidy = false;
  #making: Promise<void> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: RepositoryOptions) {
    const { layout, log } = options;
    this.#options = options;
    this.#mark = new RunningMark({ root: layout.root, path: join(layout.stateDir, 'running') }, log);
  }

  get state(): RepositoryState {
    return this.#state;
  }

  /** Identity of this boot of the machine. */
  get boot(): string {
    return this.#options.boot;
  }

  /** The machine was started again since the published files were known to be whole. */
  get isOfOtherBoot(): boolean {
    return this.#state.boot !== this.#options.boot;
  }

  /** What is published is known to be whole. */
  async trust(): Promise<void> {
    if (this.isOfOtherBoot) await this.remember({ boot: this.#options.boot });
  }

  /** There is a repository that git can open. */
  get exists(): boolean {
    return this.#ready;
  }

  get gitDir(): string {
    return this.#options.layout.gitDir;
  }

  get #configured(): ConfiguredRepository {
    const { git, layout } = this.#options;
    return { git, root: layout.root, gitDir: layout.gitDir };
  }

  async remember(changes: Partial<RepositoryState>): Promise<void> {
    this.#state = { ...this.#state, ...changes };
    // Cycle and hooks may both have something to remember: the last file that is written has all of it.
    this.#saving = this.#saving.then(() => this.#save());
    await this.#saving;
  }

  async #save(): Promise<void> {
    try {
      await writeState(this.#in('git-sidecar', 'state.json'), this.#state);
    } catch (error) {
      // The next start then only has to look at more; nothing that is published depends on it.
      this.#options.log.warn(`the state could not be saved: ${messageOf(error)}`);
    }
  }

  /** A path in the repository. */
  #in(...names: readonly string[]): Below {
    const { root, gitDir } = this.#options.layout;
    return { root, path: join(gitDir, ...names) };
  }

  /** Looks at the root: heals what an interrupted process left. Nothing is created yet. */
  async open(signal: AbortSignal): Promise<void> {
    const { layout, log } = this.#options;
    const owner = await recognizeRepository(layout.gitDir);
    log.info(1, 'looked at root', { root: layout.root, repository: owner });
    if (owner === 'foreign')
      await this.#putAside('ERR_ROOT_FOREIGN_REPO', 'it holds a repository with history of its own');
    if (owner === 'broken') await makeWay(this.#in());
    if (owner === 'ours') await this.#removeTornFiles();
    if (!(await this.guard()) || owner !== 'ours') return;
    await this.#removeLeftovers();
    await removeTemporaries(this.gitDir);
    this.#state = await readState(join(layout.stateDir, 'state.json'));
    if (!(await canBeOpened(this.#options.git, this.gitDir, this.#state.oid, signal)))
      await this.discard('git cannot read it');
    else this.#ready = true;
  }

  /** A predecessor's mark is there: it did not end cleanly, or is still at work. */
  async wasInterrupted(): Promise<boolean> {
    return await this.#mark.isThere();
  }

  /** Marks the repository as in use. @returns true when the last process did not end cleanly */
  async markRunning(): Promise<boolean> {
    return await this.#mark.make();
  }

  async markStopped(): Promise<void> {
    await this.#mark.remove();
  }

  /**
   * Has to be called before git works on the repository, and before anything in it is removed: another container that
   * shares the volume may have put a symlink into it, or mounted something. Such a repository is deleted.
   * @returns false when that was necessary
   * @throws SidecarError ERR_PATH_REDIRECTED, ERR_PATH_KEPT when it cannot even be moved out of the way
   */
  async guard(): Promise<boolean> {
    const { layout, log } = this.#options;
    for (const path of layout.ownDirectories) {
      if (await removeLink({ root: layout.root, path }))
        log.warn('removed a symbolic link in the place of a directory', { path });
    }
    const isLink = await removeLink(this.#in());
    const found = findDiversion(this.#in(), join(layout.stateDir, 'spare'));
    if (!isLink && !found) {
      await this.#borrow();
      return true;
    }
    await this.discard(found ? `${found.path} is ${found.what}` : 'a symbolic link was in its place');
    return false;
  }

  /**
   * Its objects are where the configuration has them today. A store that was lost, or is another one now, leaves a
   * repository that cannot be used: it is thrown away, and what is published stays.
   */
  async checkLoan(): Promise<void> {
    const { loan } = this.#options;
    const { store, depth } = this.#state;
    // Nothing was fetched yet.
    if (!this.#ready || depth === undefined || store === loan?.identity) return;
    await this.discard(store === undefined ? 'its objects belong into a shared store' : 'its shared store has gone');
  }

  /** Takes up a commit that is in the shared store. */
  async adopt(oid: Oid, signal: AbortSignal): Promise<void> {
    const { loan, localRef, git } = this.#options;
    if (!loan) return;
    await borrowShallow(this.#in(), loan, new Set([...(await this.neededCommits()), oid]));
    if (await keepsRefsInFiles(this.gitDir)) await writeBelow(this.#in(localRef), `${oid}\n`);
    else {
      const args = ['--git-dir', this.gitDir, 'update-ref', '--no-deref', localRef, oid];
      await git.run(args, { op: 'note the commit in', target: this.gitDir, signal });
    }
    await this.remember({ store: loan.identity });
  }

  /** Commits without which it is damaged: those of its worktrees, and the one that was fetched or published last. */
  async neededCommits(): Promise<readonly Oid[]> {
    return await neededCommits(this.gitDir, this.#options.localRef, this.#state.oid);
  }

  /** Every object that published and pending commits need is there and readable. */
  async isSound(signal: AbortSignal): Promise<boolean> {
    return await isWhole(this.#options.git, this.gitDir, signal);
  }

  /**
   * Starts to make a repository of the usual object format, so that it is there when the remote has answered. {@link
   * ensure} reports what goes wrong.
   */
  prepare(signal: AbortSignal): void {
    if (this.#options.clone || this.#options.loan) return;
    this.#making = this.#make('sha1', signal);
    this.#making.catch(() => undefined);
  }

  /** From now on there may be something half done in it: a cycle failed. */
  noteFailure(): void {
    this.#isUntidy = true;
  }

  /** Removes what a git that failed or was ended left half done, above all packs that did not come to their end. */
  async tidy(): Promise<void> {
    if (!this.#isUntidy || !this.#ready) return;
    await this.#removeLeftovers();
    this.#isUntidy = false;
  }

  /** git would regard them as damage, and the repository would be thrown away though its objects are there. */
  async #removeTornFiles(): Promise<void> {
    const files = [...(await removeTornRecords(this.gitDir)), ...(await removeTornRefs(this.gitDir))];
    if (files.length > 0) this.#options.log.warn('removed what a power cut has emptied in the repository', { files });
  }

  async #removeLeftovers(): Promise<void> {
    const { layout, log } = this.#options;
    const removed = await removeStaleLocks(layout.gitDir);
    if (removed.length > 0) log.info(0, 'removed files of an interrupted git process', { files: removed });
  }

  /** A repository of this object format, whose remote is `origin`: made new when there is none that fits. */
  async ensure(objectFormat: ObjectFormat, origin: string, signal: AbortSignal): Promise<void> {
    const { url } = this.#options;
    const making = this.#making;
    this.#making = undefined;
    // One that failed, or was ended with the cycle that began it, is made again below: that reports why.
    if (making) await bounded(making, signal).catch(() => undefined);
    signal.throwIfAborted();
    await this.guard();
    if (this.#ready && (await objectFormatOf(this)) !== objectFormat)
      await this.discard(`its objects are not ${objectFormat}`);
    if (!this.#ready) await this.#make(objectFormat, signal, origin);
    const { url: formerUrl, origin: formerOrigin = formerUrl } = this.#state;
    if (formerUrl === url && formerOrigin === origin) return;
    if (formerUrl !== undefined && formerUrl !== url)
      await forgetPromises(this.#configured, [formerUrl, formerOrigin], signal);
    await setRemote(this.#configured, origin, signal);
    await this.remember({ url, origin });
  }

  /** Deletes the repository; worktrees and the link stay, so consumers keep what is published. */
  async discard(reason: string): Promise<void> {
    const { layout, log } = this.#options;
    log.warn('the repository is made anew', { root: layout.root, reason });
    const { loan } = this.#options;
    // What it lacks may be missing there.
    if (loan && loan.identity === this.#state.store) loan.suspect();
    const aside = await moveAside(this.#in());
    this.#state = this.#lasting;
    this.#ready = false;
    const kept = aside === undefined ? [] : await removeAside(layout.root, aside);
    if (kept.length > 0) log.warn(`the old repository could not be removed: ${describeKept(kept)}`);
  }

  /** Clears lock files that block us: no git of ours is running when this is called. */
  async unlock(): Promise<void> {
    const removed = await removeStaleLocks(this.#options.layout.gitDir);
    this.#options.log.warn('removed stale lock files', { files: removed });
  }

  /** What stays known of a repository that is made anew. */
  get #lasting(): RepositoryState {
    return { ...EMPTY_STATE, boot: this.#state.boot, link: this.#state.link, notified: this.#state.notified };
  }

  async #make(objectFormat: ObjectFormat, signal: AbortSignal, origin = this.#options.url): Promise<void> {
    const { git, layout, localRef, url, clone } = this.#options;
    await makeRepository({ git, layout, localRef, clone, objectFormat, origin }, signal);
    await setRemote(this.#configured, url, signal);
    await makeDirectoryBelow(this.#in('git-sidecar'));
    await this.remember({ ...this.#lasting, url, origin: url });
    await this.markRunning();
    this.#ready = true;
    await this.#borrow();
  }

  /** Somebody else's `alternates` would lead git to objects that nobody checked. */
  async #borrow(): Promise<void> {
    const { loan, log } = this.#options;
    if (!loan) return;
    const found = await borrowObjects(this.#in(), loan);
    if (found !== undefined)
      log.warn('the list of object stores was not ours and is put right', { store: loan.gitDir });
  }

  async #putAside(code: 'ERR_ROOT_FOREIGN_REPO', detail: string): Promise<void> {
    const { layout, moveAside, log, clock } = this.#options;
    if (!moveAside) throw new SidecarError(code, { op: 'use', target: layout.root, detail });
    const aside = `${layout.gitDir}.before-git-sidecar-${clock.now()}`;
    await renameBelow(layout.root, layout.gitDir, aside);
    log.warn('moved a repository aside', { from: layout.gitDir, to: aside });
  }
}
