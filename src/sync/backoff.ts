import type { Random } from '../platform/clock.ts';

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
/** Failures never slow polling down beyond this, unless the period itself is longer. */
const LONGEST_BACKOFF_MS = 60_000;

/**
 * How long to wait before the next sync, in milliseconds (design.md D8).
 * Pauses vary a little, and the first one by up to half, so that followers that were started together drift apart.
 * After failures they grow; never shorter than the server asked for.
 */
export function nextPause({ periodMs, failures, retryAfterMs, first, random }: PauseInput): number {
  const grown = Math.min(periodMs * GROWTH ** Math.max(0, failures - 1), Math.max(periodMs, LONGEST_BACKOFF_MS));
  const varied =
    first && failures === 0 ? periodMs * (0.5 + random() / 2) : grown * (1 - JITTER + 2 * JITTER * random());
  return Math.max(varied, retryAfterMs ?? 0);
}
