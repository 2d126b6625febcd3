import { isSameByContent } from '../checkout/verify-content.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Repository } from '../fetch/repository.ts';
import type { Git } from '../git/git.ts';
import { bounded } from '../platform/bounded.ts';
import type { Clock } from '../platform/clock.ts';
import { deadline } from '../platform/deadline.ts';
import type { Logger } from '../platform/log.ts';
import type { CycleScope } from './cycle.ts';

/** Of `--sync-timeout`: how long the first cycle waits for the files to be read. */
const SHARE_OF_CYCLE = 0.5;
/** With `--one-time` there is nothing else to do in it. */
const SHARE_OF_ONE_TIME = 0.9;

/** What is known of the published files. `unread`: the reading goes on. */
export type Wholeness = 'whole' | 'torn' | 'unread';

export interface BootReadingOptions {
  readonly config: Pick<SyncConfig, 'syncTimeoutMs' | 'oneTime' | 'permissions'>;
  readonly git: Git;
  readonly log: Logger;
  readonly clock: Clock;
  readonly repository: Pick<Repository, 'exists' | 'isOfOtherBoot' | 'trust'>;
  /** In place of {@link isSameByContent}. */
  readonly isSame?: typeof isSameByContent;
}

interface Reading {
  readonly path: string;
  readonly abort: AbortController;
  readonly isSame: Promise<boolean>;
}

/**
 * Reads the published files after a start of the machine: a power cut can leave files empty whose names, times and
 * sizes had reached the disk. To read a huge tree can take longer than a cycle may, so it goes on beside the cycles,
 * until it is done or another revision is published.
 */
export class BootReading {
  readonly #options: BootReadingOptions;
  #reading: Reading | undefined;
  #isSlow = false;

  constructor(options: BootReadingOptions) {
    this.#options = options;
  }

  /** What is published is not known to be whole yet. */
  get isUnderWay(): boolean {
    return this.#reading !== undefined && this.#options.repository.isOfOtherBoot;
  }

  /** The first call waits for a share of the cycle, later ones only look. */
  async look(live: Worktree, scope: Pick<CycleScope, 'signal' | 'startedAt'>): Promise<Wholeness> {
    const { repository, log } = this.#options;
    if (!repository.isOfOtherBoot) {
      this.end();
      return 'whole';
    }
    if (!repository.exists) return 'torn';
    const isSame = await this.#resultOf(this.#begin(live), scope);
    if (isSame === undefined) return 'unread';
    if (!isSame) return 'torn';
    log.info(1, 'the machine was started again: the published files were read, and are whole');
    await this.trust();
    return 'whole';
  }

  /** What is published is known to be whole. */
  async trust(): Promise<void> {
    await this.#options.repository.trust();
    this.end();
  }

  /** Ends the reading: its result is not needed any more. */
  end(): void {
    this.#reading?.abort.abort();
    this.#reading = undefined;
    this.#isSlow = false;
  }

  #begin(live: Worktree): Reading {
    const { git, config, isSame = isSameByContent } = this.#options;
    if (this.#reading?.path === live.path) return this.#reading;
    this.end();
    const abort = new AbortController();
    const reading = isSame(git, live, abort.signal, { ignoreModes: config.permissions !== undefined });
    // Its failure is seen by whoever looks; it may be that nobody does.
    reading.catch(() => undefined);
    this.#reading = { path: live.path, abort, isSame: reading };
    return this.#reading;
  }

  async #resultOf(
    { isSame }: Reading,
    { signal, startedAt }: Pick<CycleScope, 'signal' | 'startedAt'>,
  ): Promise<boolean | undefined> {
    const { config, log, clock } = this.#options;
    const { syncTimeoutMs, oneTime } = config;
    const left = syncTimeoutMs * (oneTime ? SHARE_OF_ONE_TIME : SHARE_OF_CYCLE) - (clock.monotonic() - startedAt);
    const patience = syncTimeoutMs > 0 ? Math.max(0, left) : undefined;
    const limit = deadline(signal, this.#isSlow ? 0 : patience);
    try {
      return await bounded(isSame, limit.signal);
    } catch (error) {
      if (signal.aborted || !limit.signal.aborted) throw error;
    } finally {
      limit.end();
    }
    if (!this.#isSlow)
      log.warn('the machine was started again, and the published files are still being read: not ready until they are');
    this.#isSlow = true;
    return undefined;
  }
}
