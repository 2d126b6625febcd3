import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { drained } from './drained.ts';

/** Written at a time. */
const PIECE_BYTES = 16 * 1024;

export interface SendLimits {
  /** For the reader to take what one write gave it. */
  readonly pieceMs: number;
  /** For the whole answer. */
  readonly wholeMs: number;
}

/**
 * Sends an answer whose head was set, no faster than its reader takes it: little of it is in memory at a time, and
 * other work goes on between the pieces. A reader that does not read loses its connection.
 * @returns whether all was sent
 */
export async function sendPieces(
  response: ServerResponse,
  pieces: Iterable<string> | AsyncIterable<string>,
  { pieceMs, wholeMs }: SendLimits,
): Promise<boolean> {
  const end = performance.now() + wholeMs;
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_BYTES) continue;
    const took = response.write(text);
    text = '';
    const left = end - performance.now();
    const goesOn = !response.destroyed && left > 0 && (took || (await drained(response, Math.min(pieceMs, left))));
    if (!goesOn) {
      response.destroy();
      return false;
    }
    await turn();
  }
  response.end(text);
  return true;
}
