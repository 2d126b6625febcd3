import { bounded } from '../platform/bounded.ts';
import { OneAtATime } from '../platform/one-at-a-time.ts';

/** How a fetch ended for each of those who wanted something of it. */
export interface JoinedOutcome<Wish, Result> {
  readonly results: ReadonlyMap<Wish, { readonly result: Result } | { readonly error: unknown }>;
}

/** Fetches for all of `wishes` at once; what it throws is everybody's failure. */
export type FetchTogether<Wish, Result> = (wishes: readonly Wish[]) => Promise<JoinedOutcome<Wish, Result>>;

type Ended<Wish, Result> = JoinedOutcome<Wish, Result> | { readonly failure: unknown } | 'given up';

interface Batch<Wish, Result> {
  readonly wishes: Set<Wish>;
  readonly end: Promise<Ended<Wish, Result>>;
}

/**
 * Makes one fetch of those that are wanted at about the same time: the first begins at once, and all that come while it
 * is under way wait for the next one together. Whoever came first fetches for all, with its own access and its own
 * patience.
 */
export class JoinedFetches<Wish, Result> {
  readonly #turns = new OneAtATime();
  /** The one that waits for its turn. */
  #next: Batch<Wish, Result> | undefined;

  /** Somebody fetches or works alone. */
  get isBusy(): boolean {
    return this.#turns.isBusy;
  }

  /** Work on the same repository that is no fetch. */
  async alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return await this.#turns.run(work, signal);
  }

  /**
   * @param fetch used when this one is the first of its batch
   * @throws what `fetch` throws or says of this wish; the signal's reason
   */
  async join(wish: Wish, fetch: FetchTogether<Wish, Result>, signal: AbortSignal): Promise<Result> {
    let wasLed = false;
    for (;;) {
      signal.throwIfAborted();
      const isLeader = this.#next === undefined;
      const batch = this.#next ?? this.#begin(fetch, signal);
      batch.wishes.add(wish);
      const end = await bounded(batch.end, signal).finally(() => batch.wishes.delete(wish));
      // The one that fetched for us has gone: then we do it.
      if (end === 'given up') continue;
      const own = 'results' in end ? end.results.get(wish) : { error: end.failure };
      if (own && 'result' in own) return own.result;
      // The cause may lie with the one that fetched, so it is tried once more with our own access, or that of another.
      if (isLeader || wasLed) throw own ? own.error : new Error('a fetch forgot a wish');
      wasLed = true;
    }
  }

  #begin(fetch: FetchTogether<Wish, Result>, signal: AbortSignal): Batch<Wish, Result> {
    const wishes = new Set<Wish>();
    const close = (): void => {
      if (this.#next === batch) this.#next = undefined;
    };
    const work = async (): Promise<JoinedOutcome<Wish, Result>> => {
      close();
      return await fetch([...wishes]);
    };
    const settle = async (): Promise<Ended<Wish, Result>> => {
      try {
        return await this.#turns.run(work, signal);
      } catch (failure) {
        return signal.aborted ? 'given up' : { failure };
      } finally {
        close();
      }
    };
    const batch: Batch<Wish, Result> = { wishes, end: Promise.resolve().then(settle) };
    this.#next = batch;
    return batch;
  }
}
