import { asSidecarError } from '../../model/error.ts';
import { settledWithin } from '../../platform/bounded.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { RateLimit } from '../../platform/rate-limit.ts';
import { DeliveryFailure } from './delivery-failure.ts';
import { type Batch, type Item, Queue } from './queue.ts';
import { stampOfFiles } from './secret-file.ts';

/** What became of something that had to be delivered. */
export type Result = 'sent' | 'failed' | 'refused' | 'dropped';

export interface SenderOptions<T> {
  /** As people call the destination. */
  readonly name: string;
  /** Items of a lane that may wait, and of a group that go together. */
  readonly most: number;
  readonly together: number;
  /** Everything that the destination reads secrets from. */
  readonly files: readonly (string | undefined)[];
  /** One attempt. @throws DeliveryFailure */
  readonly deliver: (batch: Batch<T>, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onResult: (result: Result, many: number) => void;
  /** Nothing of what was passed on before `settled` calls has to be delivered again; called after each attempt. */
  readonly onProgress: () => Promise<void>;
}

/** So many requests at once, and then one a second. */
const AT_ONCE = 5;
const PER_SECOND = 1;
/** What happens in one moment is passed on together. */
const GATHER_MS = 250;
/** Time for an attempt that is under way when the relay ends. */
const END_MS = 500;

/** Delivers to one destination, one attempt at a time; it never fails and never keeps anybody waiting. */
export class Sender<T> {
  readonly #options: SenderOptions<T>;
  readonly #queue: Queue<T>;
  readonly #rate: RateLimit;
  readonly #stopping = new AbortController();
  readonly #closing = new AbortController();
  #wake: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #stamp = '';
  /** The last trouble that the log has. */
  #complaint = '';

  constructor(options: SenderOptions<T>) {
    const { clock, random, most, together, onResult } = options;
    this.#options = options;
    this.#rate = new RateLimit(clock, AT_ONCE, PER_SECOND);
    this.#queue = new Queue({
      random,
      most,
      together,
      onDropped: (item) => {
        settle([item]);
        onResult('dropped', 1);
      },
    });
  }

  get pending(): number {
    return this.#queue.size;
  }

  put(item: Item<T>): void {
    if (this.#closing.signal.aborted) return;
    this.#queue.put(item);
    this.#wake?.abort();
    this.#loop ??= this.#work();
  }

  /** Tries again what was refused, when the files with secrets are others. */
  async refresh(): Promise<void> {
    if (!this.#queue.isBlocked) return;
    const stamp = await stampOfFiles(this.#options.files);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#queue.unblock();
    this.#wake?.abort();
  }

  /** What is on its way gets a moment to arrive: it would be sent again after a restart. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake?.abort();
    if (this.#loop) await settledWithin(this.#loop, END_MS);
    this.#stopping.abort();
  }

  async #work(): Promise<void> {
    const { clock } = this.#options;
    await clock.sleep(GATHER_MS, this.#closing.signal);
    while (!this.#closing.signal.aborted) {
      const nextAt = this.#queue.nextAt();
      if (nextAt === undefined) break;
      const waitMs = Math.max(nextAt - clock.monotonic(), this.#rate.waitMs);
      if (waitMs > 0) await this.#pause(waitMs);
      else await this.#once();
    }
    // At once, so that nothing is put into the queue of a loop that has ended.
    this.#loop = undefined;
  }

  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    const wake = this.#wake.signal;
    await this.#options.clock.sleep(ms, wake);
    this.#wake = undefined;
  }

  async #once(): Promise<void> {
    const { clock, deliver, onProgress, onResult } = this.#options;
    const batch = this.#queue.next(clock.monotonic());
    if (!batch) return;
    this.#rate.take();
    const stamp = await stampOfFiles(this.#options.files);
    try {
      await deliver(batch, this.#stopping.signal);
      this.#queue.sent(batch);
      settle(batch.items);
      this.#calm();
      onResult('sent', batch.items.length);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#stamp = stamp;
      this.#fail(batch, error);
    }
    await onProgress();
  }

  #fail(batch: Batch<T>, error: unknown): void {
    const { clock, onResult } = this.#options;
    const now = clock.monotonic();
    const { verdict } = error instanceof DeliveryFailure ? error : { verdict: 'again' as const };
    const failure = asSidecarError(error, 'deliver');
    if (verdict === 'again') this.#queue.again(batch, now, failure.retryAfterMs);
    else if (verdict === 'blocked') this.#queue.block(batch, now);
    else this.#queue.refuse(batch, now);
    onResult(verdict === 'again' ? 'failed' : 'refused', batch.items.length);
    const { name, log } = this.#options;
    const complaint = `${failure.code} ${failure.detail}`;
    if (complaint !== this.#complaint)
      log.error(failure, 'an answer or notification was not taken', { destination: name });
    this.#complaint = complaint;
  }

  #calm(): void {
    if (this.#complaint === '') return;
    this.#complaint = '';
    this.#options.log.info(0, 'answers and notifications are taken again', { destination: this.#options.name });
  }
}

function settle(items: readonly Item<unknown>[]): void {
  for (const { marks } of items) for (const mark of marks) mark.settle();
}
