import type { Clock } from '../../../platform/clock.ts';

export interface StartPaceOptions {
  readonly clock: Clock;
  /** Whether somebody else is there at the moment. */
  readonly isShared: (owner: string) => boolean;
}

/** The news of a hundred repositories, each fetched in a few ways, does not have to wait. */
const AT_ONCE = 64;
/** Then 5 a second. */
const EVERY_MS = 200;
/** Bytes of answers cost a core and the disk as well: 256 MiB may come at once, then 20 MiB a second. */
const BYTES_OF_START = 4 * 2 ** 20;
/** A whole clone of a huge repository does not keep its owner from everything else for long. */
const MOST_STARTS_OF_ANSWER = 16;
/** Owners that are remembered before those who have no debt any more are forgotten. */
const MANY = 256;

/**
 * How fast git processes may be started for one owner where others use the relay too. A process takes a core and the
 * disk, and its answer the relay's main thread, so the number of slots alone is no bound: processes end, and make place
 * for the next. Who is alone does not wait.
 */
export class StartPace {
  readonly #options: StartPaceOptions;
  /** When an owner that takes one every {@link EVERY_MS} would take the next one. */
  readonly #starts = new Map<string, number>();
  /** The same of answers: each has used up as many turns as it has bytes. */
  readonly #answers = new Map<string, number>();

  constructor(options: StartPaceOptions) {
    this.#options = options;
  }

  /** Whether {@link take} lets `owner` go on at once. */
  isReady(owner: string): boolean {
    return this.#waitOf(this.#starts, owner) <= 0 && this.isPaid(owner);
  }

  /** Whether the answers of `owner` are not ahead of their pace. */
  isPaid(owner: string): boolean {
    return this.#waitOf(this.#answers, owner) <= 0;
  }

  /**
   * How many processes `owner` has started beyond its pace, large answers included, as far as that is not made up for;
   * 0 while nobody else is there.
   */
  debtOf(owner: string): number {
    const { clock, isShared } = this.#options;
    const due = Math.max(this.#starts.get(owner) ?? 0, this.#answers.get(owner) ?? 0);
    const ahead = Math.ceil((due - clock.monotonic()) / EVERY_MS);
    return ahead > 0 && isShared(owner) ? ahead : 0;
  }

  /** Resolves when `owner` may start the process that it takes with this call, or when `signal` aborts. */
  async take(owner: string, signal: AbortSignal): Promise<void> {
    const waitMs = this.#waitOf(this.#starts, owner);
    this.#charge(this.#starts, owner, 1, waitMs > 0);
    if (waitMs > 0) await this.#options.clock.sleep(waitMs, signal);
    await this.untilPaid(owner, signal);
  }

  /** Resolves when {@link isPaid}, or when `signal` aborts. */
  async untilPaid(owner: string, signal: AbortSignal): Promise<void> {
    for (
      let ms = this.#waitOf(this.#answers, owner);
      ms > 0 && !signal.aborted;
      ms = this.#waitOf(this.#answers, owner)
    )
      await this.#options.clock.sleep(ms, signal);
  }

  /** A process of `owner` gave an answer of so many bytes. */
  noteAnswer(owner: string, bytes: number): void {
    this.#charge(this.#answers, owner, Math.min(MOST_STARTS_OF_ANSWER, bytes / BYTES_OF_START), false);
  }

  /** @param waits the turn is one of later; else who was alone with very many has no debt from then */
  #charge(due: Map<string, number>, owner: string, turns: number, waits: boolean): void {
    const now = this.#options.clock.monotonic();
    const next = Math.max(now, due.get(owner) ?? now) + turns * EVERY_MS;
    due.set(owner, waits || this.#options.isShared(owner) ? next : Math.min(next, now + AT_ONCE * EVERY_MS));
    if (due.size > MANY) for (const [each, at] of due) if (at <= now) due.delete(each);
  }

  #waitOf(due: ReadonlyMap<string, number>, owner: string): number {
    const { clock, isShared } = this.#options;
    const waitMs = (due.get(owner) ?? 0) - (AT_ONCE - 1) * EVERY_MS - clock.monotonic();
    return waitMs > 0 && isShared(owner) ? waitMs : 0;
  }
}
