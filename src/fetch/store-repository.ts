import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FSCK, FSCK_DAMAGE } from '../git/fsck.ts';
import { type Git, type GitOutput, type GitRunOptions, withRun } from '../git/git.ts';
import { removeStaleLocks, removeTemporaries } from '../git/locks.ts';
import { findDiversion } from '../git/structure.ts';
import { SidecarError, systemCode } from '../model/error.ts';
import type { ObjectFormat, Oid } from '../model/oid.ts';
import type { Below } from '../platform/below.ts';
import { makeDirectoryBelow, removeFileBelow, writeBelow } from '../platform/files-below.ts';
import type { Logger } from '../platform/log.ts';
import { makeWay, removeLink } from '../platform/make-way.ts';
import { OWNER_VARIABLE, ownerMark } from '../platform/orphans.ts';
import { HeldCommits, UNIT_REFS } from './held-commits.ts';
import { presentCommits } from './present-commits.ts';

export interface StoreRepositoryOptions {
  /** The trusted directory that holds the repositories of all stores. */
  readonly root: string;
  readonly gitDir: string;
  readonly log: Logger;
  /** What is there was left by a process that was killed. */
  readonly isSuspect: boolean;
  /** Makes `root` anew when somebody removed it. */
  readonly reclaim: () => Promise<void>;
}

/** The bare repository of a shared store: made, taken up or made anew. Whoever works on it lends it his git. */
export class StoreRepository {
  readonly gitDir: string;
  readonly #options: StoreRepositoryOptions;
  readonly #place: Below;
  held = new HeldCommits();
  /** What is on disk was looked at, and is ours. */
  #isOpen = false;
  #isUntidy = true;
  /** `held` may not be what the refs keep. */
  #mustRead = true;
  #isSuspect: boolean;

  constructor(options: StoreRepositoryOptions) {
    const { root, gitDir, isSuspect } = options;
    this.#options = options;
    this.gitDir = gitDir;
    this.#place = { root, path: gitDir };
    this.#isSuspect = isSuspect;
  }

  /**
   * Made once with the repository: another one means that the former is gone. undefined: there is none that is whole.
   * @throws system errors other than that it is not there: a bad moment must not look like a loss
   */
  get identity(): string | undefined {
    try {
      return readFileSync(this.#in('git-sidecar', 'identity').path as string, 'utf8').trim() || undefined;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
      throw error;
    }
  }

  /** It may be damaged: git looks at it before it is used again. */
  suspect(): void {
    this.#isSuspect = true;
  }

  /**
   * Has to be called before git works on it.
   * @throws SidecarError ERR_GIT_*, ERR_PATH_REDIRECTED, ERR_PATH_KEPT
   */
  async ensure(objectFormat: ObjectFormat, git: Git, signal: AbortSignal): Promise<void> {
    await this.#options.reclaim();
    const reason = await this.#reasonAgainst(objectFormat, git, signal);
    if (reason !== undefined) await this.discard(reason);
    if (!this.#isOpen) await this.#make(objectFormat, git, signal);
  }

  /** There is a repository that git may work on; nothing is made. */
  async isUsable(git: Git, signal: AbortSignal): Promise<boolean> {
    if (this.identity === undefined) return false;
    const reason = await this.#reasonAgainst(undefined, git, signal);
    if (reason !== undefined) await this.discard(reason);
    return this.#isOpen;
  }

  /** Why what is there cannot be used; undefined when it can, or when there is nothing. */
  async #reasonAgainst(
    objectFormat: ObjectFormat | undefined,
    git: Git,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (await removeLink(this.#place)) return 'a symbolic link was in its place';
    const found = findDiversion(this.#place);
    if (found) return `${found.path} is ${found.what}`;
    // git would read objects from wherever these lead.
    for (const name of ['alternates', 'http-alternates'])
      if (existsSync(join(this.gitDir, 'objects', 'info', name))) return `it borrows from another repository (${name})`;
    if (this.identity === undefined) return this.#isOpen ? 'it is gone' : 'it was not made to its end';
    if (objectFormat !== undefined && this.#objectFormat() !== objectFormat)
      return `its objects are not ${objectFormat}`;
    if (this.#isUntidy) await this.#tidy();
    if (this.#isSuspect && !(await this.#isSound(git, signal))) return 'git finds it damaged';
    this.#isSuspect = false;
    if (this.#mustRead) await this.#read(git, signal);
    this.#isOpen = true;
    return undefined;
  }

  async #tidy(): Promise<void> {
    const removed = await removeStaleLocks(this.gitDir, this.#options.root);
    // Later a fetch of ours may be writing one.
    if (!this.#isOpen) removed.push(...(await removeTemporaries(this.gitDir, this.#options.root)));
    if (removed.length > 0)
      this.#options.log.info(0, 'removed files of an interrupted git process', { files: removed });
    this.#isUntidy = false;
  }

  async #read(git: Git, signal: AbortSignal): Promise<void> {
    const args = ['for-each-ref', '--format=%(refname)', UNIT_REFS];
    const { stdout } = await this.run(git, args, { op: 'read the refs of', signal });
    this.held = HeldCommits.parse(stdout);
    this.#mustRead = false;
  }

  async #isSound(git: Git, signal: AbortSignal): Promise<boolean> {
    return (await this.run(git, FSCK, { op: 'check', signal, accept: FSCK_DAMAGE })).code === 0;
  }

  async #make(objectFormat: ObjectFormat, git: Git, signal: AbortSignal): Promise<void> {
    await makeDirectoryBelow(this.#place);
    const args = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, '--', this.gitDir];
    await git.run(args, {
      op: 'make a repository in',
      target: this.gitDir,
      signal,
      env: this.#owner,
      cwd: this.#options.root,
    });
    // The last thing: what has no identity was not made to its end.
    await writeBelow(this.#in('git-sidecar', 'identity'), `${randomBytes(16).toString('hex')}\n`);
    this.held = new HeldCommits();
    this.#isOpen = true;
    this.#mustRead = false;
    this.#isUntidy = false;
    this.#isSuspect = false;
  }

  /** Throws it away. Whoever borrows from it sees by the identity that his objects are gone. */
  async discard(reason: string): Promise<void> {
    const isNews = this.identity !== undefined || this.#isOpen;
    if (isNews) this.#options.log.warn('the shared store is made anew', { store: this.gitDir, reason });
    this.#isOpen = false;
    this.held = new HeldCommits();
    await removeFileBelow(this.#in('git-sidecar', 'identity')).catch(() => undefined);
    await makeWay(this.#place);
  }

  /** Runs git on it. What goes wrong here is no remote's fault, whatever git's words sound like. */
  async run(git: Git, args: readonly string[], options: Omit<GitRunOptions, 'target'>): Promise<GitOutput> {
    const target = this.gitDir;
    try {
      return await git.run(['--git-dir', target, ...args], { target, env: this.#owner, cwd: target, ...options });
    } catch (error) {
      this.#noteInterruption();
      if (!(error instanceof SidecarError) || error.stage !== 'remote') throw error;
      throw new SidecarError('ERR_GIT_FAILED', { op: options.op, target, detail: error.detail, cause: error });
    }
  }

  /** `git` as it works here: a killed process of ours can be told from those that work for a single unit. */
  lend(git: Git): Git {
    const [env, cwd] = [this.#owner, this.gitDir];
    return withRun(git, async (args, options) => {
      try {
        return await git.run(args, { ...options, env: { ...options.env, ...env }, cwd });
      } catch (error) {
        this.#noteInterruption();
        throw error;
      }
    });
  }

  /** Those of `commits` that are here. */
  async present(git: Git, commits: readonly Oid[], signal: AbortSignal): Promise<Set<Oid>> {
    if (commits.length === 0) return new Set();
    return await presentCommits({ git: this.lend(git), gitDir: this.gitDir }, commits, signal);
  }

  /** A git that failed may have left something half done, refs included. */
  #noteInterruption(): void {
    this.#isUntidy = true;
    this.#mustRead = true;
  }

  get #owner(): Readonly<Record<string, string>> {
    return { [OWNER_VARIABLE]: ownerMark(this.#options.root, process.pid) };
  }

  #in(...names: readonly string[]): Below {
    return { root: this.#options.root, path: join(this.gitDir, ...names) };
  }

  #objectFormat(): ObjectFormat {
    try {
      return /objectformat\s*=\s*"?sha256/i.test(readFileSync(join(this.gitDir, 'config'), 'utf8')) ? 'sha256' : 'sha1';
    } catch {
      return 'sha1';
    }
  }
}
