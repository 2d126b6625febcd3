import type { Random } from './clock.ts';

export interface PauseInput {
  readonly periodMs: number;
  /** Failures in a row; 0 after a success. */
  readonly failures: number;
  /** What the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** True for the very first pause of this process. */
  readonly first: boolean;
  readonly random: Random;
}

/** Share of a period by which pauses vary. */
const JITTER = 0.05;
const GROWTH = 1.5;
/** A sync that gets push notifications polls rarely. It must not wait a whole period because one attempt failed. */
const LONGEST_FIRST_RETRY_MS = 15_000;
/** Failures never slow retries down beyond this. */
const LONGEST_BACKOFF_MS = 60_000;

/**
 * How long to wait before the next sync, in milliseconds (docs/adr/0008).
 * Pauses vary a little, and the first one by up to half, so that followers that were started together drift apart.
 * After failures they grow; never shorter than the server asked for.
 */
export function nextPause({ periodMs, failures, retryAfterMs, first, random }: PauseInput): number {
  const retry = Math.min(periodMs, LONGEST_FIRST_RETRY_MS) * GROWTH ** Math.min(100, Math.max(0, failures - 1));
  const grown = failures === 0 ? periodMs : Math.min(retry, LONGEST_BACKOFF_MS);
  const varied =
    first && failures === 0 ? periodMs * (0.5 + random() / 2) : grown * (1 - JITTER + 2 * JITTER * random());
  return Math.max(varied, retryAfterMs ?? 0);
}
