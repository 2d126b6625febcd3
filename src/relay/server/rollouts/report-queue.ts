import type { Clock } from '../../../platform/clock.ts';
import type { OneAtATime } from '../../../platform/one-at-a-time.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { KeyedReport } from './governed-repository.ts';

export interface ReportQueueOptions {
  readonly clock: Clock;
  /** In which looks, and all else that writes decisions, take their turns. */
  readonly turns: OneAtATime;
  /** Looks at a fleet with what {@link ReportQueue.take} gives, and shows what follows from it. */
  readonly look: (name: RepositoryName) => Promise<void>;
}

/** After a look, this many times as long is left to other work. */
const REST = 3;
const LONGEST_REST_MS = 1000;
const NEVER = new AbortController().signal;

/**
 * Reports that wait. To look at a large fleet and to write down how it stands takes its time, so those that come
 * meanwhile are looked at together, and looks leave most of the time to the streams and fetches of the relay.
 */
export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #reports = new Map<RepositoryName, KeyedReport[]>();
  /** The look that has not begun: it ends when those that wait now were looked at. */
  readonly #coming = new Map<RepositoryName, Promise<number>>();
  /** Over when the newest look and the rest behind it are over. */
  readonly #rest = new Map<RepositoryName, Promise<void>>();

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  /** @returns when it was looked at */
  async add(name: RepositoryName, report: KeyedReport): Promise<void> {
    const reports = this.#reports.get(name) ?? [];
    reports.push(report);
    this.#reports.set(name, reports);
    await (this.#coming.get(name) ?? this.#begin(name));
  }

  /** Those that wait, in the order in which they came. They wait no longer. */
  take(name: RepositoryName): readonly KeyedReport[] {
    const reports = this.#reports.get(name) ?? [];
    this.#reports.delete(name);
    return reports;
  }

  #begin(name: RepositoryName): Promise<number> {
    const look = this.#look(name, this.#rest.get(name));
    this.#coming.set(name, look);
    const { clock } = this.#options;
    const rest = async (tookMs: number): Promise<void> => {
      if (tookMs > 0) await clock.sleep(Math.min(LONGEST_REST_MS, REST * tookMs));
    };
    this.#rest.set(
      name,
      look.then(rest, () => undefined),
    );
    return look;
  }

  /** @returns how long it took, in milliseconds */
  async #look(name: RepositoryName, rest: Promise<void> | undefined): Promise<number> {
    const { clock, turns, look } = this.#options;
    await rest;
    const work = async (): Promise<number> => {
      this.#coming.delete(name);
      const beganAt = clock.monotonic();
      await look(name);
      return clock.monotonic() - beganAt;
    };
    return await turns.run(work, NEVER);
  }
}
