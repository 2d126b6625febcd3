import { asSidecarError, SidecarError } from '../model/error.ts';
import { nextPause } from '../platform/backoff.ts';
import type { Random } from '../platform/clock.ts';
import { deadline } from '../platform/deadline.ts';
import type { WakeUps } from '../platform/wake-ups.ts';
import type { SyncContext } from './context.ts';
import { type Cycle, newCycle, runStages, type Stage } from './cycle.ts';
import { heal } from './heal.ts';
import { restoreLastRevision } from './restore.ts';

export interface LoopOptions {
  readonly context: SyncContext;
  readonly stages: readonly Stage[];
  readonly wakeUps: WakeUps;
  readonly random: Random;
  /** Ends the running cycle. */
  readonly signal: AbortSignal;
  /** Called after each successful cycle; clears the error file. */
  readonly onSuccess: () => Promise<void>;
}

/** How the loop ended. */
export type LoopEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'one-time'; readonly cycle: Cycle }
  | { readonly kind: 'failed'; readonly error: SidecarError };

/** Times one cycle may be repeated at once because its cause was healed. */
const MOST_HEALS = 2;

/** Runs cycles until told to stop, until one succeeded (`--one-time`), or until too many failed in a row. */
export class SyncLoop {
  readonly #options: LoopOptions;
  #failures = 0;
  #succeeded = false;
  #paused = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  async run(): Promise<LoopEnd> {
    const { context, wakeUps, signal } = this.#options;
    const { config, log } = context;
    while (!signal.aborted) {
      const result = await this.#cycle();
      if (signal.aborted) break;
      if (result instanceof SidecarError) {
        const refused = result.code === 'ERR_NOTIFY_PRE_PUBLISH' && !config.oneTime;
        if (!refused) this.#failures += 1;
        log.error(result, 'sync failed', { failures: this.#failures });
        if (result.class === 'stop' || (!refused && this.#isTooMany())) return { kind: 'failed', error: result };
      } else {
        this.#failures = 0;
        this.#succeeded = true;
        await this.#options.onSuccess();
        if (config.oneTime) return { kind: 'one-time', cycle: result };
      }
      const pause = this.#pauseAfter(result);
      this.#paused = true;
      log.info(4, 'next sync', { ms: Math.round(pause) });
      const reason = await wakeUps.wait(pause);
      if (reason === 'stop') break;
      if (reason !== 'period') log.info(1, 'syncing now', { reason });
    }
    return { kind: 'stopped' };
  }

  /** A refusal of the pre-publish hook is asked again after its own backoff; it says nothing about the remote. */
  #pauseAfter(result: Cycle | SidecarError): number {
    const { context, random } = this.#options;
    const { config } = context;
    const error = result instanceof SidecarError ? result : undefined;
    if (error?.code === 'ERR_NOTIFY_PRE_PUBLISH' && config.prePublishHook) return config.prePublishHook.backoffMs;
    return nextPause({
      periodMs: this.#succeeded ? config.periodMs : config.initPeriodMs,
      failures: this.#failures,
      retryAfterMs: error?.retryAfterMs,
      first: !this.#paused,
      random,
    });
  }

  #isTooMany(): boolean {
    const { maxFailures, initMaxFailures } = this.#options.context.config;
    const most = this.#succeeded ? maxFailures : initMaxFailures;
    return most !== undefined && this.#failures >= most;
  }

  async #cycle(): Promise<Cycle | SidecarError> {
    const { context, signal: stop } = this.#options;
    const { config, clock, observer } = context;
    const startedAt = clock.monotonic();
    observer.onCycleStart();
    const limit = deadline(stop, config.syncTimeoutMs > 0 ? config.syncTimeoutMs : undefined);
    const { signal } = limit;
    let result: Cycle | SidecarError = await this.#attempt(signal);
    for (let heals = 0; heals < MOST_HEALS && result instanceof SidecarError && !signal.aborted; heals += 1) {
      if (!(await heal(context, result, signal))) break;
      result = await this.#attempt(signal);
    }
    limit.dispose();
    // A success is reported by a stage of the cycle, before those who are notified hear of it.
    if (result instanceof SidecarError) {
      const durationMs = clock.monotonic() - startedAt;
      observer.onCycle({ status: 'error', durationMs, pollMs: undefined, error: result, revision: undefined });
    }
    return result;
  }

  async #attempt(signal: AbortSignal): Promise<Cycle | SidecarError> {
    const { context, stages } = this.#options;
    const cycle = newCycle(signal, !this.#succeeded, context.clock.monotonic());
    try {
      await runStages(stages, context, cycle);
      return cycle;
    } catch (error) {
      if (!signal.aborted) await restoreLastRevision(context, cycle);
      return asSidecarError(error, 'sync');
    }
  }
}
