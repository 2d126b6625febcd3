import { heal } from '../../../git/heal.ts';
import { messageOf, type SidecarError } from '../../../model/error.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Limited } from '../../../platform/limited.ts';
import type { Logger } from '../../../platform/log.ts';
import type { FollowerLimits } from './follower-options.ts';
import type { Mirror } from './mirror.ts';

export interface MirrorCareOptions {
  readonly mirror: Mirror;
  /** Its name, for the log and for those who read what takes too long. */
  readonly repository: string;
  readonly limited: Limited;
  readonly limits: Pick<FollowerLimits, 'check'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Fires when nothing is followed any more. */
  readonly signal: AbortSignal;
  /** {@link MirrorCare.discardIfUnsound} has something to do. */
  readonly onUnsound: () => void;
  /** Healing has left no mirror. */
  readonly onGone: () => void;
}

/** A failure that goes on makes us check the mirror so often, in failures: that costs much, and may not be the cause. */
const CHECK_EVERY = 20;
/** git could not answer from the mirror: it is looked over no sooner than so long after the last time. */
const LOOK_OVER_EVERY_MS = 600_000;

/** Looks after a mirror: finds out that it is damaged, and removes what stands in git's way. */
export class MirrorCare {
  readonly #options: MirrorCareOptions;
  #isSuspect = false;
  #lookOverAt = 0;

  constructor(options: MirrorCareOptions) {
    this.#options = options;
  }

  /**
   * git could not answer from the mirror what is in it. It is looked over, now and then at most and beside everything
   * else; only where something is wrong anybody hears of it.
   */
  suspect(): void {
    const { clock, log, signal, mirror, onUnsound } = this.#options;
    if (signal.aborted || clock.monotonic() < this.#lookOverAt) return;
    this.#lookOverAt = clock.monotonic() + LOOK_OVER_EVERY_MS;
    this.#run('look the mirror over', async (limit) => await mirror.isSound(limit)).then(
      (isSound) => {
        if (isSound) return;
        this.#isSuspect = true;
        onUnsound();
      },
      (error) => log.info(0, 'the mirror could not be looked over', { reason: messageOf(error) }),
    );
  }

  /** @returns true when it is worth trying again at once @param failures one after the other, before this one */
  async heal(error: SidecarError, failures: number): Promise<boolean> {
    const { mirror, log, onGone } = this.#options;
    if (!error.is('locked') && failures % CHECK_EVERY !== 0) return false;
    const isHealed = await this.#run('heal', async (limit) => await heal(mirror, error, log, limit)).catch(() => false);
    if (!mirror.exists) onGone();
    return isHealed;
  }

  /**
   * A mirror that was found damaged is checked once more, and thrown away.
   * @param onDamaged called before it is: whether or not that succeeds, nothing may be served from it
   */
  async discardIfUnsound(onDamaged: () => void): Promise<void> {
    const { mirror, log, repository } = this.#options;
    if (!this.#isSuspect) return;
    this.#isSuspect = false;
    if (await this.#run('check the mirror', async (limit) => await mirror.isSound(limit))) return;
    log.warn('the mirror is damaged; it is fetched again', { repository });
    this.#lookOverAt = 0;
    onDamaged();
    await this.#run('discard the mirror', async () => await mirror.discard());
  }

  async #run<T>(step: string, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
    const { repository, limited, limits } = this.#options;
    return await limited.run(`${repository}: ${step}`, limits.check, work);
  }
}
