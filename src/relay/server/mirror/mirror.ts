import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { FSCK, FSCK_DAMAGE } from '../../../git/fsck.ts';
import { type Git, type GitOutput, type GitRunOptions, standingBack } from '../../../git/git.ts';
import type { Healable } from '../../../git/heal.ts';
import { removeStaleLocks, removeTemporaries } from '../../../git/locks.ts';
import { findDiversion } from '../../../git/structure.ts';
import { SidecarError } from '../../../model/error.ts';
import { type ObjectFormat, type Oid, objectFormatOf } from '../../../model/oid.ts';
import type { Below } from '../../../platform/below.ts';
import type { Clock } from '../../../platform/clock.ts';
import { makeDirectoryBelow, removeFileBelow } from '../../../platform/files-below.ts';
import { inTurns } from '../../../platform/in-turns.ts';
import type { Logger } from '../../../platform/log.ts';
import { makeWay, removeLink } from '../../../platform/make-way.ts';
import { type RefChange, type Refs, stepsBetween } from '../../protocol/refs.ts';
import { FormerTips, PRIVATE_REFS } from './former-tips.ts';
import { type CommitLine, readCommitLines, readTrailers } from './mirror-commits.ts';
import { candidateRef, MirrorObjects, type ObjectSource } from './mirror-objects.ts';
import { NICENESS } from './niceness.ts';
import { RefsOnDisk, type RunHere } from './refs-on-disk.ts';
import type { TipGate } from './tip-gate.ts';

const TIDY_SETTINGS = ['gc.pruneExpire=2.hours.ago', 'gc.autoPackLimit=20', 'gc.writeCommitGraph=true'];

export interface MirrorOptions {
  readonly git: Git;
  /** The trusted directory that the mirror lies in, however deep. */
  readonly root: string;
  readonly gitDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Decides which tips may be shown; undefined: all. */
  readonly gate?: TipGate | undefined;
}

/** A bare repository that holds what a git server's branches and tags reach. */
export class Mirror implements Healable {
  readonly gitDir: string;
  readonly #git: Git;
  readonly #log: Logger;
  readonly #place: Below;
  readonly #objects: MirrorObjects;
  readonly #former: FormerTips;
  readonly #onDisk: RefsOnDisk;
  readonly #gate: TipGate | undefined;
  readonly #here: RunHere = async (args, options) => await this.#run(args, options);
  #refs: Refs = new Map();
  #objectFormat: ObjectFormat | undefined;
  #exists = false;
  #tidying: { readonly stop: AbortController; readonly done: Promise<unknown> } | undefined;

  constructor({ git, root, gitDir, clock, log, gate }: MirrorOptions) {
    this.#git = standingBack(git, () => (this.#refs.size === 0 ? NICENESS.copy : NICENESS.update));
    this.#log = log;
    this.gitDir = gitDir;
    this.#place = { root, path: gitDir };
    this.#objects = new MirrorObjects(this.#git, gitDir);
    this.#former = new FormerTips(clock);
    this.#onDisk = new RefsOnDisk({ run: this.#here, former: this.#former, log, gitDir });
    this.#gate = gate;
  }

  get refs(): Refs {
    return this.#refs;
  }

  /** What refs for which `shows` is true showed a moment ago; the objects are still here. */
  formerTips(shows: (ref: string) => boolean): Oid[] {
    return this.#former.shown(shows);
  }

  /** Commits that stay for clients that may see `ref`, wherever it goes; before {@link open} too. */
  keep(ref: string, oids: readonly Oid[]): void {
    this.#former.keep(ref, oids);
  }

  /** See {@link readTrailers}. */
  async trailersOf(oid: Oid, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    return await readTrailers(this.#here, oid, signal);
  }

  /** See {@link readCommitLines}. */
  async describeCommits(oids: readonly Oid[], signal: AbortSignal): Promise<ReadonlyMap<Oid, CommitLine>> {
    return await readCommitLines(this.#here, oids, signal);
  }

  /** undefined while nothing was ever fetched. */
  get objectFormat(): ObjectFormat | undefined {
    return this.#objectFormat;
  }

  /** There is a repository on disk, whatever its state. */
  get exists(): boolean {
    return this.#exists;
  }

  /**
   * Takes up what an earlier process left, which may have been killed at any instant.
   * @returns false when there is nothing that can be used
   * @throws SidecarError ERR_GIT_* when git cannot read it
   */
  async open(signal: AbortSignal): Promise<boolean> {
    this.#exists = (await lstat(join(this.gitDir, 'HEAD')).catch(() => undefined)) !== undefined;
    if (!this.#exists || !(await this.#isOwn())) return false;
    await this.unlock();
    await removeTemporaries(this.gitDir, this.#place.root);
    const all = await this.#onDisk.read(signal);
    this.#refs = withoutPrivate(all);
    // How many of them are files is not known; where they are packed already this costs nothing.
    await this.#onDisk.noteFiles(all.size, signal);
    // What an earlier process held: no subscriber is about to fetch it any more.
    const held = this.#former.takeOver([...all.keys()].filter((name) => !this.#refs.has(name)));
    if (held.length > 0)
      await this.#onDisk.move(
        held.map((name) => `delete ${name}\n`),
        signal,
      );
    if (this.#gate) await this.#keepAdmitted(this.#gate, signal);
    const [first] = this.#refs.values();
    if (first) this.#objectFormat = objectFormatOf(first.oid);
    return first !== undefined;
  }

  /**
   * Brings the repository to `wanted`. Refs move only when everything they reach is there.
   * @returns the refs as they are then: those wanted, or newer ones
   * @throws SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*; the refs are as they were, or nearer to `wanted`
   */
  async update(wanted: Refs, source: ObjectSource, signal: AbortSignal): Promise<Refs> {
    const [first] = wanted.values();
    await this.#isOwn();
    if (first) await this.#ensure(objectFormatOf(first.oid), signal);
    const changes = await inTurns(stepsBetween(this.#refs, wanted));
    const gone = changes.filter(({ ref, to }) => !to && ref !== 'HEAD').map(({ ref }) => `delete ${ref}\n`);
    this.#former.note(changes);
    // Before the others: a branch `a` is in the way of a branch `a/b`.
    if (gone.length > 0) await this.#onDisk.move(gone, signal);
    const moved = changes.filter(({ to }) => to !== undefined);
    const fetch = { refs: this.#refs, moved, source, aside: this.#gate !== undefined, signal };
    const by = await this.#objects.fetch(fetch);
    if (this.#gate) return await this.#applyAdmitted(this.#gate, { wanted, moved, by }, signal);
    if (by === 'pack') await this.#onDisk.apply(moved, this.#refs, signal);
    else {
      await this.#onDisk.move([], signal);
      await this.#onDisk.moveHead(moved, this.#refs, signal);
      this.#refs = withoutPrivate(await this.#onDisk.read(signal));
      await this.#onDisk.noteFiles(moved.length, signal);
      return this.#refs;
    }
    this.#refs = wanted;
    return wanted;
  }

  /** What an earlier process let through, by other keys or without any, is not shown before it was verified. */
  async #keepAdmitted(gate: TipGate, signal: AbortSignal): Promise<void> {
    const admitted = await gate.admit(this.#refs, new Map(), signal);
    const gone = [...this.#refs.keys()].filter((name) => name !== 'HEAD' && !admitted.has(name));
    await this.#onDisk.move(
      gone.map((name) => `delete ${name}\n`),
      signal,
    );
    this.#refs = admitted;
  }

  /** Moves the refs whose new tips may be shown; the others stay where they are. */
  async #applyAdmitted(
    gate: TipGate,
    { wanted, moved, by }: { readonly wanted: Refs; readonly moved: readonly RefChange[]; readonly by: 'pack' | 'git' },
    signal: AbortSignal,
  ): Promise<Refs> {
    const kept = new Map([...this.#refs].filter(([name]) => wanted.has(name)));
    const admitted = await gate.admit(wanted, kept, signal);
    const moving = await inTurns(stepsBetween(kept, admitted));
    const present = moving.filter(({ to }) => to !== undefined);
    await this.#onDisk.apply(present, this.#refs, signal);
    if (by === 'git') {
      const oids = new Set(moved.flatMap(({ ref, to }) => (to && ref !== 'HEAD' ? [to.oid] : [])));
      await this.#onDisk.move(
        [...oids].map((oid) => `delete ${candidateRef(oid)}\n`),
        signal,
      );
    }
    this.#refs = admitted;
    return admitted;
  }

  /** Lets git tidy up when there is enough to do; objects that a client may still be fetching stay for two hours. */
  async collectGarbage(signal: AbortSignal): Promise<void> {
    if (this.#tidying || !this.#exists) return;
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal.reason);
    if (signal.aborted) return;
    if (!(await this.#isOwn())) return;
    await this.#onDisk.move([], signal);
    signal.addEventListener('abort', onAbort, { once: true });
    const args = [...TIDY_SETTINGS.flatMap((setting) => ['-c', setting]), '--git-dir', this.gitDir];
    const options = { op: 'tidy up', target: this.gitDir, signal: stop.signal, niceness: NICENESS.tidy };
    const done = this.#git.run([...args, 'gc', '--auto', '--quiet'], options);
    this.#tidying = { stop, done: done.catch(() => undefined) };
    try {
      await done;
    } catch (error) {
      // Another part that needed the repository alone has ended it; the next round continues.
      if (signal.aborted || !stop.signal.aborted) throw error;
    } finally {
      this.#tidying = undefined;
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Bytes that the objects take. */
  async size(signal: AbortSignal): Promise<number> {
    const { stdout } = await this.#run(['count-objects', '-v'], { op: 'measure', signal, niceness: NICENESS.tidy });
    const kibibytes = [...stdout.matchAll(/^(?:size|size-pack): (\d+)$/gm)].map((match) => Number(match[1]));
    return kibibytes.reduce((sum, each) => sum + each, 0) * 1024;
  }

  /** Every object that the refs reach is there and readable (git-fsck). */
  async isSound(signal: AbortSignal): Promise<boolean> {
    return (await this.#run(FSCK, { op: 'check', signal, accept: FSCK_DAMAGE, niceness: NICENESS.tidy })).code === 0;
  }

  /** Removes lock files and half-written packs of a git that was killed. Only the follower calls it, between its own commands. */
  async unlock(): Promise<void> {
    await this.#endTidying();
    const removed = await removeStaleLocks(this.gitDir, this.#place.root);
    if (removed.length > 0) this.#log.warn('removed files of an interrupted git process', { files: removed });
  }

  /** Deletes everything; the next update fetches it again. */
  async discard(): Promise<void> {
    await this.#endTidying();
    this.#refs = new Map();
    this.#objectFormat = undefined;
    this.#former.clear();
    // First what makes it a repository: half of it must not be taken for one if we are killed now.
    await removeFileBelow({ root: this.#place.root, path: join(this.gitDir, 'HEAD') }).catch(() => undefined);
    this.#exists = false;
    await makeWay(this.#place);
  }

  /** @returns whether the object is here */
  async has(oid: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#run(['cat-file', '-e', oid], { op: 'look up', signal, accept: [1, 128] })).code === 0;
  }

  async #endTidying(): Promise<void> {
    this.#tidying?.stop.abort();
    await this.#tidying?.done;
  }

  /**
   * Before git works on the mirror: another container that shares the volume may have put a symlink into it, or mounted
   * something. Also `git init` leaves a symlink behind when it is killed while it tries whether the file system has
   * them.
   * @returns false when there was such a thing; the mirror was deleted then, and the next update makes another
   * @throws SidecarError ERR_PATH_KEPT when it cannot make way
   */
  async #isOwn(): Promise<boolean> {
    const isLink = await removeLink(this.#place);
    const found = findDiversion(this.#place);
    if (!isLink && !found) return true;
    const { path = this.gitDir, what = 'a symbolic link' } = found ?? {};
    this.#log.warn('the mirror leads elsewhere; it is made anew', { mirror: this.gitDir, path, what });
    await this.discard();
    return false;
  }

  async #ensure(objectFormat: ObjectFormat, signal: AbortSignal): Promise<void> {
    if (this.#objectFormat === objectFormat) return;
    // Nothing, or the mirror of a repository that has changed its kind.
    await this.discard();
    await makeDirectoryBelow(this.#place);
    const args = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, '--', this.gitDir];
    await this.#git.run(args, { op: 'make a repository in', target: this.gitDir, signal });
    this.#exists = true;
    this.#objectFormat = objectFormat;
  }

  /** Runs git on this repository. A failure is our own, whatever git's text says: no remote had a part in it. */
  async #run(args: readonly string[], options: Omit<GitRunOptions, 'target'>): Promise<GitOutput> {
    const target = this.gitDir;
    try {
      return await this.#git.run(['--git-dir', target, ...args], { ...options, target });
    } catch (error) {
      if (!(error instanceof SidecarError) || error.stage !== 'remote') throw error;
      throw new SidecarError('ERR_GIT_FAILED', { op: options.op, target, detail: error.detail, cause: error });
    }
  }
}

function withoutPrivate(refs: Refs): Refs {
  return new Map([...refs].filter(([name]) => !name.startsWith(PRIVATE_REFS)));
}
