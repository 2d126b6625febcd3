import { setTimeout as delay } from 'node:timers/promises';
import { SidecarError } from '../model/error.ts';
import { type Ask, type ReadRollouts, readRollouts } from './fleet-client.ts';

const ASK_EVERY_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
/** What the last question gets, however little time is left. */
const LEAST_PATIENCE_MS = 1000;

/**
 * Asks for the rollouts every second, and after failures with growing pauses. A failure is a value like an answer: what
 * it leads to is the reader's decision.
 * @param end when the last question is asked, in milliseconds since the epoch
 */
export async function* pollRollouts(
  ask: Ask,
  end = Number.POSITIVE_INFINITY,
): AsyncGenerator<ReadRollouts | SidecarError, undefined> {
  for (let pauseMs = ASK_EVERY_MS; ; ) {
    let found: ReadRollouts | SidecarError;
    try {
      found = await readRollouts(ask, Math.max(LEAST_PATIENCE_MS, end - Date.now()));
      pauseMs = ASK_EVERY_MS;
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      found = error;
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    }
    yield found;
    const leftMs = end - Date.now();
    if (leftMs <= 0) return undefined;
    await delay(Math.min(pauseMs, leftMs));
  }
}
