import { messageOf } from '../model/error.ts';
import type { Flush } from '../platform/flush.ts';
import type { Logger } from '../platform/log.ts';
import { MachineFailure } from './blame.ts';
import type { Releases } from './releases.ts';
import type { Release, StateFile } from './state.ts';

export interface UnwrittenOptions {
  readonly state: StateFile;
  readonly releases: Pick<Releases, 'isWhole'>;
  readonly flush: Flush;
  /** Identity of this boot of the machine; empty where the system does not say it. */
  readonly boot: string;
  /** A build adds to each release. */
  readonly builds: boolean;
  /** A release has to be on the disk before anything starts from it. */
  readonly durable: boolean;
  readonly log: Logger;
}

/**
 * Releases that may not be on the disk yet. The kernel keeps what was written for up to half a minute, and a power cut
 * then leaves names without contents. So each release is written out, behind its start where nothing else is asked for;
 * one of an earlier boot of the machine of which that is not known is compared with what was copied, and given up if it
 * is not the same. What ran before it is then started, and it is made again.
 */
export class Unwritten {
  readonly #options: UnwrittenOptions;
  #writing: Promise<void> | undefined;

  constructor(options: UnwrittenOptions) {
    this.#options = options;
  }

  /** Gives up releases of another boot that are not whole. */
  async examine(signal: AbortSignal): Promise<void> {
    const { state, boot, log } = this.#options;
    const kept: Release[] = [];
    for (const release of state.state.releases) {
      if (!this.#isOfOtherBoot(release)) kept.push(release);
      else if (await this.#isWhole(release, signal)) kept.push({ ...release, boot });
    }
    const { releases } = state.state;
    if (kept.length === releases.length && kept.every((release, at) => release === releases[at])) return;
    await state
      .save({ releases: kept })
      .catch((error: unknown) => log.error(error, 'which releases are whole could not be noted'));
  }

  /** With `--durable`: the release is on the disk when this resolves. @throws MachineFailure ERR_RUN_COPY */
  async require(release: Release, signal: AbortSignal): Promise<Release> {
    const { durable, flush } = this.#options;
    if (!durable) return release;
    try {
      await flush([release.path], signal);
    } catch (error) {
      signal.throwIfAborted();
      const about = { op: 'write to the disk', target: release.path, detail: messageOf(error), cause: error };
      throw new MachineFailure('ERR_RUN_COPY', about);
    }
    return { ...release, boot: undefined };
  }

  /** Writes out what is deployed, in its own time. A failure costs a comparison after the next start of the machine. */
  writeOut(signal: AbortSignal): void {
    const { log } = this.#options;
    if (this.#writing || this.#open.length === 0) return;
    this.#writing = this.#write(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) log.info(1, 'releases could not be written out', { reason: messageOf(error) });
        return [] as string[];
      })
      .then((written) => {
        this.#writing = undefined;
        // What was deployed meanwhile.
        if (written.length > 0) this.writeOut(signal);
      });
  }

  get #open(): readonly Release[] {
    return this.#options.state.state.releases.filter(({ boot }) => boot !== undefined);
  }

  async #write(signal: AbortSignal): Promise<readonly string[]> {
    const { state, flush } = this.#options;
    const paths = this.#open.map(({ path }) => path);
    await flush(paths, signal);
    signal.throwIfAborted();
    const releases = state.state.releases.map((each) =>
      paths.includes(each.path) ? { ...each, boot: undefined } : each,
    );
    await state.save({ releases });
    return paths;
  }

  #isOfOtherBoot(release: Release): boolean {
    const { boot } = this.#options;
    return boot !== '' && release.boot !== undefined && release.boot !== boot;
  }

  async #isWhole(release: Release, signal: AbortSignal): Promise<boolean> {
    const { builds, releases, log } = this.#options;
    const facts = { hash: release.id };
    if (builds) {
      log.warn('the machine stopped before what was built was on the disk: the release is made again', facts);
      return false;
    }
    if (await releases.isWhole(release, signal)) return true;
    log.warn('the machine stopped before a release was on the disk, and it is not whole: it is made again', facts);
    return false;
  }
}
