import { heal } from '../git/heal.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import { nextPause } from '../platform/backoff.ts';
import { settledWithin } from '../platform/bounded.ts';
import type { Random } from '../platform/clock.ts';
import { type Deadline, deadline } from '../platform/deadline.ts';
import type { WakeUps } from '../platform/wake-ups.ts';
import type { Watch, Watchdog } from '../platform/watchdog.ts';
import type { SyncContext } from './context.ts';
import { newScope, runStages, type Stage } from './cycle.ts';
import { CycleTrace } from './cycle-trace.ts';
import type { Cycle } from './findings.ts';
import { HintedPause } from './hinted-pause.ts';
import { restoreLastRevision } from './restore.ts';

export interface LoopOptions {
  readonly context: SyncContext;
  readonly stages: readonly Stage[];
  readonly wakeUps: WakeUps;
  readonly random: Random;
  /** Ends the running cycle. */
  readonly signal: AbortSignal;
  /** Notices a cycle that does not end with its signal. */
  readonly watchdog: Watchdog;
  /** What has to be done before the first cycle; called before each, and does nothing once it has succeeded. */
  readonly open: (signal: AbortSignal) => Promise<void>;
  /** Called after each successful cycle; clears the error file. */
  readonly onSuccess: () => Promise<void>;
}

/** How the loop ended. */
export type LoopEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'one-time'; readonly cycle: Cycle }
  | { readonly kind: 'failed'; readonly error: SidecarError };

/** Of a cycle that failed. */
const NOTHING_KNOWN = { revision: undefined, considered: undefined };

/** Times one cycle may be repeated at once because its cause was healed. */
const MOST_HEALS = 2;
/** How long work beside the stages may take to end with its cycle: processes are killed after less. */
const LAST_MS = 2000;

/** Runs cycles until it is stopped, until one succeeded (`--one-time`), or until too many failed in a row. */
export class SyncLoop {
  readonly #options: LoopOptions;
  readonly #hintedPause: HintedPause;
  #failures = 0;
  #succeeded = false;
  #paused = false;
  #reported: SidecarError | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#hintedPause = new HintedPause(options.context.clock, options.wakeUps, options.context.choice);
  }

  async run(): Promise<LoopEnd> {
    const { context, signal } = this.#options;
    const { config, log } = context;
    while (!signal.aborted) {
      const result = await this.#cycle();
      if (signal.aborted) break;
      if (!(result instanceof SidecarError) && result.isStale) continue;
      if (result instanceof SidecarError) {
        const refused = result.class === 'veto' && !config.oneTime;
        if (!refused) this.#failures += 1;
        // What is refused for the same reason as before is no news.
        if (result !== this.#reported) log.error(result, 'sync failed', { failures: this.#failures });
        else log.info(2, 'still refused', { code: result.code });
        this.#reported = result;
        if (result.class === 'stop' || (!refused && this.#isTooMany())) return { kind: 'failed', error: result };
      } else if (result.isUnread) {
        // Neither a failure nor a success: nothing is known of what is published.
        this.#failures = 0;
      } else {
        this.#failures = 0;
        this.#reported = undefined;
        this.#succeeded = true;
        await this.#noteSuccess();
        if (config.oneTime) return { kind: 'one-time', cycle: result };
      }
      const pause = this.#pauseAfter(result);
      this.#paused = true;
      log.info(4, 'next sync', { ms: Math.round(pause) });
      const reason = await this.#hintedPause.after(result, pause);
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
    const isHook = error?.class === 'veto' && error.facts.revision === undefined;
    if (isHook && config.prePublishHook) return config.prePublishHook.backoffMs;
    return nextPause({
      periodMs: this.#succeeded ? config.periodMs : config.initPeriodMs,
      failures: this.#failures,
      retryAfterMs: error?.retryAfterMs,
      first: !this.#paused,
      random,
    });
  }

  /** No sync fails because an error file cannot be removed. */
  async #noteSuccess(): Promise<void> {
    const { onSuccess, context } = this.#options;
    try {
      await onSuccess();
    } catch (error) {
      context.log.warn('the sync succeeded, but that could not be noted', { reason: messageOf(error) });
    }
  }

  #isTooMany(): boolean {
    const { maxFailures, initMaxFailures } = this.#options.context.config;
    const most = this.#succeeded ? maxFailures : initMaxFailures;
    return most !== undefined && this.#failures >= most;
  }

  async #cycle(): Promise<Cycle | SidecarError> {
    const { context, signal: stop, watchdog } = this.#options;
    const { config, clock, observer } = context;
    const startedAt = clock.monotonic();
    observer.onCycleStart();
    const limitMs = config.syncTimeoutMs > 0 ? config.syncTimeoutMs : undefined;
    const limit = deadline(stop, limitMs);
    const watch = watchdog.watch('sync', limitMs);
    const { signal } = limit;
    let result: Cycle | SidecarError = await this.#attempt(limit, watch);
    for (let heals = 0; heals < MOST_HEALS && result instanceof SidecarError && !signal.aborted; heals += 1) {
      watch.at('sync: heal');
      if (!(await this.#mend(result, signal, heals === 0))) break;
      result = await this.#attempt(limit, watch);
    }
    limit.end();
    watch.done();
    // A success is reported by a stage of the cycle, before those who are notified hear of it.
    if (result instanceof SidecarError) {
      const durationMs = clock.monotonic() - startedAt;
      observer.onCycle({ status: 'error', durationMs, pollMs: undefined, error: result, ...NOTHING_KNOWN });
    }
    return result;
  }

  /** @returns true when it is worth trying again at once */
  async #mend(error: SidecarError, signal: AbortSignal, isFirst: boolean): Promise<boolean> {
    const { config, credentials, repository, log } = this.#options.context;
    if (error.is('refused') && isFirst && credentials.refused(config.remote.fetchUrl)) return true;
    return await heal(repository, error, log, signal);
  }

  async #attempt(limit: Deadline, watch: Watch): Promise<Cycle | SidecarError> {
    const { context, stages, open } = this.#options;
    const own = deadline(limit.signal, undefined);
    const { signal } = own;
    const grant = (ms: number): void => {
      limit.grant(ms);
      watch.grant(ms);
    };
    const { tracer, clock, config } = context;
    const trace = tracer && new CycleTrace({ tracer, clock, repo: config.remote.shownUrl });
    const scope = newScope(signal, !this.#succeeded, clock.monotonic(), grant, trace);
    let found: Cycle = {};
    let stage = 'open';
    const onStage = (name: string): void => {
      stage = name;
      trace?.onStage(name);
      watch.at(`sync: ${name}`);
    };
    try {
      onStage('open');
      await open(signal);
      const onFound = (all: Cycle): void => {
        found = all;
      };
      const result = await runStages(stages, context, scope, { onStage, onFound });
      trace?.end(result);
      return result;
    } catch (error) {
      context.repository.noteFailure();
      trace?.end(found, error);
      if (!signal.aborted) {
        watch.at('sync: restore');
        await restoreLastRevision(context, found, scope);
      }
      return asFailure(error, stage, limit.signal);
    } finally {
      own.end();
      await settledWithin(Promise.allSettled(scope.background), LAST_MS);
    }
  }
}

/** A wait that was given up throws the reason of its signal. */
function asFailure(error: unknown, stage: string, limit: AbortSignal): SidecarError {
  if (error instanceof SidecarError || !limit.aborted || error !== limit.reason) return asSidecarError(error, 'sync');
  return new SidecarError('ERR_SYNC_TIMEOUT', {
    op: 'sync',
    detail: `it did not end in time; it was at ${stage}`,
    cause: error,
    isLate: true,
  });
}
