import { asSidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Notification } from './notification.ts';

export interface HookRunnerOptions {
  /** `exechook` or `webhook`: git-sync's names, in logs and metrics. */
  readonly name: string;
  readonly backoffMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** One attempt; throws when it fails. */
  readonly attempt: (notification: Notification, signal: AbortSignal) => Promise<void>;
  /** After each attempt. @param error why it failed */
  readonly onResult: (success: boolean, notification: Notification, error?: unknown) => void;
  /** The listener is not there yet: that is no failure, and the attempt is repeated until it is. */
  readonly isAbsence?: (error: unknown) => boolean;
}

/** So many attempts without a listener look like a mistake in the configuration. */
const MANY_ATTEMPTS = 20;

/**
 * Notifies one listener of publishes, beside the sync and never more than one at a time.
 *
 * The newest publish wins: those that came while an attempt ran are merged into one. It is compared with the last
 * success by its place in the order, not by its commit, so A→B→A during a slow hook is two calls, not one. A failure is
 * tried again after the backoff, or at once with a newer publish.
 */
export class HookRunner {
  readonly #options: HookRunnerOptions;
  readonly #stopping = new AbortController();
  #pending: Notification | undefined;
  #running: Notification | undefined;
  #loop: Promise<void> | undefined;
  #wake: AbortController | undefined;
  /** Attempts in a row that found no listener. */
  #absences = 0;

  constructor(options: HookRunnerOptions) {
    this.#options = options;
  }

  /** The worktree that an attempt is working in; it must not be removed meanwhile. */
  get worktreeInUse(): string | undefined {
    return this.#running?.worktree;
  }

  /** Hands over a publish and returns at once. */
  notify(notification: Notification): void {
    this.#pending = notification;
    this.#wake?.abort();
    this.#loop ??= this.#work().finally(() => {
      this.#loop = undefined;
    });
  }

  /** One attempt, waited for: what `--one-time` does. Returns false when it failed. */
  async once(notification: Notification): Promise<boolean> {
    return await this.#attempt(notification, 'last');
  }

  /** Ends a running attempt and forgets what is pending. */
  async stop(): Promise<void> {
    this.#pending = undefined;
    this.#stopping.abort();
    this.#wake?.abort();
    await this.#loop;
  }

  async #work(): Promise<void> {
    while (this.#pending && !this.#stopping.signal.aborted) {
      const next = this.#pending;
      this.#pending = undefined;
      if (await this.#attempt(next)) continue;
      this.#pending ??= next;
      if (this.#pending === next) await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    this.#wake = new AbortController();
    if (!this.#stopping.signal.aborted) await this.#options.clock.sleep(this.#options.backoffMs, this.#wake.signal);
    this.#wake = undefined;
  }

  /** @param more whether another attempt follows when this one fails */
  async #attempt(notification: Notification, more: 'more' | 'last' = 'more'): Promise<boolean> {
    const { name, log, attempt, onResult, isAbsence } = this.#options;
    this.#running = notification;
    try {
      await attempt(notification, this.#stopping.signal);
      this.#absences = 0;
      onResult(true, notification);
      log.info(1, `${name} succeeded`, { hash: notification.oid });
      return true;
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      if (more === 'more' && isAbsence?.(error)) {
        this.#noteAbsence(error);
        return false;
      }
      onResult(false, notification, error);
      log.error(error, `${name} failed`, { hash: notification.oid });
      return false;
    } finally {
      this.#running = undefined;
    }
  }

  #noteAbsence(error: unknown): void {
    const { name, log } = this.#options;
    this.#absences += 1;
    const { message: reason, hint } = asSidecarError(error, name);
    if (this.#absences === 1)
      log.info(0, `${name}: there is no listener yet; it is tried until there is one`, { reason });
    if (this.#absences === MANY_ATTEMPTS) log.warn(`${name}: there is still no listener`, { reason, hint });
  }
}
