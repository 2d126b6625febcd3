import type { Git } from '../git/git.ts';
import { messageOf } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { Logger } from '../platform/log.ts';
import type { RepositoryState } from './state.ts';

/** Local refs that keep the commits of which consumers were last notified, so that the next one can be compared. */
export const NOTIFIED_REFS = 'refs/git-sidecar/notified/';

const TIMEOUT_MS = 10_000;

export interface NotifiedCommitsOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly log: Logger;
  readonly repository: {
    readonly state: Pick<RepositoryState, 'notified'>;
    readonly remember: (changes: Pick<RepositoryState, 'notified'>) => Promise<void>;
  };
  /** The consumers of today, each under a name that can stand in a ref. */
  readonly consumers: readonly string[];
}

/**
 * Which commit each consumer was last notified of with success. It is optional work: when it fails, a consumer learns
 * less about the next publish.
 */
export class NotifiedCommits {
  readonly #options: NotifiedCommitsOptions;

  constructor(options: NotifiedCommitsOptions) {
    this.#options = options;
  }

  of(consumer: string): Oid | undefined {
    return this.#options.repository.state.notified[consumer];
  }

  /** Has to be called by one consumer at a time, each for itself; consumers may call it at the same time. */
  async note(consumer: string, oid: Oid, signal: AbortSignal): Promise<void> {
    const { repository } = this.#options;
    if (this.of(consumer) === oid) return;
    await this.#changeRefs(`update ${NOTIFIED_REFS}${consumer} ${oid}\n`, signal);
    await repository.remember({ notified: { ...repository.state.notified, [consumer]: oid } });
  }

  /** Consumers that are not configured any more need no commit. Costs nothing where there are none. */
  async forgetOthers(signal: AbortSignal): Promise<void> {
    const { repository, consumers } = this.#options;
    const others = Object.keys(repository.state.notified).filter((name) => !consumers.includes(name));
    if (others.length === 0) return;
    await this.#changeRefs(others.map((name) => `delete ${NOTIFIED_REFS}${name}\n`).join(''), signal);
    const kept = Object.entries(repository.state.notified).filter(([name]) => !others.includes(name));
    await repository.remember({ notified: Object.fromEntries(kept) });
  }

  async #changeRefs(stdin: string, signal: AbortSignal): Promise<void> {
    const { git, gitDir, log } = this.#options;
    const args = ['--git-dir', gitDir, 'update-ref', '--no-deref', '--stdin'];
    const run = { op: 'note what consumers were notified of', target: gitDir, signal, timeoutMs: TIMEOUT_MS };
    try {
      await git.run(args, { ...run, stdin });
    } catch (error) {
      if (!signal.aborted) log.info(1, 'a commit cannot be kept for the hooks', { reason: messageOf(error) });
    }
  }
}
