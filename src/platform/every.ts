import type { Clock } from './clock.ts';

export interface RepeatOptions {
  readonly clock: Clock;
  /** Milliseconds from the end of one time to the beginning of the next. */
  readonly everyMs: number;
  /** Milliseconds to the first time; that of all others when left out. */
  readonly firstMs?: number;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/** Does something again and again until `signal` fires; one time never begins before the other has ended. */
export async function repeat(
  work: () => void | Promise<void>,
  { clock, everyMs, firstMs = everyMs, signal, onError }: RepeatOptions,
): Promise<void> {
  for (let pauseMs = firstMs; ; pauseMs = everyMs) {
    await clock.sleep(pauseMs, signal);
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      onError(error);
    }
  }
}
