import type { Hint } from '../model/hint.ts';
import type { CycleReport, SyncObserver } from '../model/sync-observer.ts';
import { after, type Clock } from '../platform/clock.ts';

/** How a cycle ended that a caller waited for. */
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

interface Waiting {
  readonly cycle: number;
  /** The commit that has to be there; undefined: any. */
  readonly commit: string | undefined;
  readonly resolve: (answer: SyncAnswer) => void;
}

/** Lets others wait for a cycle that starts after they asked: one that was under way then may have asked the remote too early. */
export class SyncNow implements Pick<SyncObserver, 'onCycleStart' | 'onCycle'> {
  readonly #wake: (hint: Hint) => void;
  readonly #clock: Clock;
  #started = 0;
  #waiting: Waiting[] = [];

  constructor(wake: (hint: Hint) => void, clock: Clock) {
    this.#wake = wake;
    this.#clock = clock;
  }

  onCycleStart(): void {
    this.#started += 1;
  }

  onCycle(report: CycleReport): void {
    const answer = answerOf(report);
    const isDone = ({ cycle, commit }: Waiting): boolean =>
      cycle <= this.#started && (commit === undefined || commit === answer.oid || commit === report.considered?.oid);
    const done = this.#waiting.filter(isDone);
    this.#waiting = this.#waiting.filter((each) => !isDone(each));
    for (const { resolve } of done) resolve(answer);
  }

  /** Starts a cycle and resolves with how it ended, with a commit when that is published; or after `timeoutMs`. */
  wait(timeoutMs: number, hint: Hint): Promise<SyncAnswer> {
    return new Promise((resolve) => {
      const entry = { cycle: this.#started + 1, commit: hint.to };
      const cancel = after(this.#clock, timeoutMs, () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        resolve({ status: 'timeout' });
      });
      const waiter: Waiting = {
        ...entry,
        resolve: (answer: SyncAnswer) => {
          cancel();
          resolve(answer);
        },
      };
      this.#waiting.push(waiter);
      this.#wake(hint);
    });
  }
}

/** One observer that passes everything on to several. */
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
