import type { CycleReport, SyncObserver } from '../model/sync-observer.ts';

/** How a cycle ended that somebody waited for. */
export interface SyncAnswer {
  readonly status: 'synced' | 'failed' | 'timeout';
  readonly oid?: string;
  readonly ref?: string;
  readonly error?: string;
}

function answerOf({ revision, error }: CycleReport): SyncAnswer {
  if (error) return { status: 'failed', error: `${error.code}: ${error.detail}` };
  return { status: 'synced', ...(revision && { oid: revision.oid, ref: revision.ref }) };
}

/** Lets others wait for a cycle that starts after they asked: one that was under way then may have asked the remote too early. */
export class SyncNow implements Pick<SyncObserver, 'onCycleStart' | 'onCycle'> {
  readonly #wake: () => void;
  #started = 0;
  #waiting: { readonly cycle: number; readonly resolve: (answer: SyncAnswer) => void }[] = [];

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  onCycleStart(): void {
    this.#started += 1;
  }

  onCycle(report: CycleReport): void {
    const answer = answerOf(report);
    const done = this.#waiting.filter(({ cycle }) => cycle <= this.#started);
    this.#waiting = this.#waiting.filter(({ cycle }) => cycle > this.#started);
    for (const { resolve } of done) resolve(answer);
  }

  /** Starts a cycle and resolves with how it ended, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<SyncAnswer> {
    return new Promise((resolve) => {
      const entry = { cycle: this.#started + 1, resolve };
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        resolve({ status: 'timeout' });
      }, timeoutMs);
      const waiter = {
        ...entry,
        resolve: (answer: SyncAnswer) => {
          clearTimeout(timer);
          resolve(answer);
        },
      };
      this.#waiting.push(waiter);
      this.#wake();
    });
  }
}

/** One observer that tells several. */
export function tellAll(observers: readonly Partial<SyncObserver>[]): SyncObserver {
  return {
    onCycleStart: () => {
      for (const each of observers) each.onCycleStart?.();
    },
    onCycle: (report) => {
      for (const each of observers) each.onCycle?.(report);
    },
    onPublish: (revision, updateMs) => {
      for (const each of observers) each.onPublish?.(revision, updateMs);
    },
    onVerify: (changed, untracked) => {
      for (const each of observers) each.onVerify?.(changed, untracked);
    },
  };
}
