import type { Git } from '../git/git.ts';
import { messageOf } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { Logger } from '../platform/log.ts';
import { readChangedPaths } from './changed-paths.ts';
import { NO_FACTS, readCommitFacts } from './commit-facts.ts';
import type { Notification } from './notification.ts';
import type { Changes, ChangesUnknown, CommitFacts, PublishDetails } from './publish-details.ts';

export interface DetailsReaderOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly log: Logger;
  /** What may be shown of its URL. */
  readonly repository: string;
  /** The part of the repository that is published; undefined: all of it. */
  readonly path: string | undefined;
  /** Whatever changes it: of other paths no changes are listed. None: everything. */
  readonly paths: readonly string[];
}

/** For each question to git: the hook has to run also where git cannot answer. */
const TIMEOUT_MS = 10_000;

function unknown(changesUnknown: ChangesUnknown): Changes {
  return { changes: null, changesTruncated: false, changesUnknown };
}

/** Finds out what consumers may want to know about a publish. */
export class DetailsReader {
  readonly #options: DetailsReaderOptions;

  constructor(options: DetailsReaderOptions) {
    this.#options = options;
  }

  /** Never throws: what cannot be known is null. @param old the commit that the consumer has */
  async read(notification: Notification, old: Oid | undefined, signal: AbortSignal): Promise<PublishDetails> {
    const { repository, path } = this.#options;
    const { oid, ref, directory } = notification;
    const [facts, changes] = await Promise.all([this.#facts(oid, signal), this.#changes(old, oid, signal)]);
    return {
      repository,
      ref,
      commit: oid,
      oldCommit: old ?? null,
      directory,
      path: path ?? null,
      ...facts,
      ...changes,
    };
  }

  async #facts(oid: Oid, signal: AbortSignal): Promise<CommitFacts> {
    const { git, gitDir } = this.#options;
    try {
      return await readCommitFacts(git, gitDir, oid, { signal, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      this.#note('the commit cannot be read for the hooks', oid, error);
      return NO_FACTS;
    }
  }

  async #changes(from: Oid | undefined, to: Oid, signal: AbortSignal): Promise<Changes> {
    const { git, gitDir, paths } = this.#options;
    if (from === undefined) return unknown('no-old-commit');
    if (from === to) return { changes: [], changesTruncated: false, changesUnknown: null };
    try {
      return await readChangedPaths({ git, gitDir, from, to, paths, signal, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      const isGone = !(await this.#has(from, signal));
      if (!isGone) this.#note('the changes cannot be read for the hooks', to, error);
      return unknown(isGone ? 'old-commit-gone' : 'unreadable');
    }
  }

  /** Also true when git cannot answer. */
  async #has(oid: Oid, signal: AbortSignal): Promise<boolean> {
    const { git, gitDir } = this.#options;
    const args = ['--git-dir', gitDir, 'cat-file', '-e', `${oid}^{commit}`];
    const run = { op: 'look for', target: oid, signal, timeoutMs: TIMEOUT_MS, accept: [1, 128] };
    const env = { GIT_NO_LAZY_FETCH: '1' };
    return await git.run(args, { ...run, env }).then(
      ({ code }) => code === 0,
      () => true,
    );
  }

  #note(what: string, hash: Oid, error: unknown): void {
    this.#options.log.info(1, what, { hash, reason: messageOf(error) });
  }
}
