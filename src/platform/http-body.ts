import type { IncomingMessage } from 'node:http';
import { SidecarError } from '../model/error.ts';
import { releasable } from './bounded.ts';
import { NoAnswer } from './no-answer.ts';

/** No answer that is read whole is this large. */
const LARGEST_ANSWER = 32 * 1024 * 1024;
/** How long a body may send nothing, by default, in milliseconds. git's servers send at least a few bytes every 5 s. */
const STALL_MS = 30_000;
/** How long the rest of an unwanted body is worth waiting for, so that its connection can be used again. */
const REST_MS = 1000;
/** What a further question waits for it. */
const MOMENT_MS = 100;
/** Of the page of a web server for an error. */
const LONGEST_PAGE = 4096;

/**
 * The whole body of an answer.
 * @throws NoAnswer when it is not complete; SidecarError ERR_REMOTE_TOO_LARGE
 */
export async function readBody(response: IncomingMessage, stallMs?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(response, stallMs)) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) {
      const detail = `the answer is longer than ${LARGEST_ANSWER} bytes`;
      throw new SidecarError('ERR_REMOTE_TOO_LARGE', { op: 'read an answer', detail });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The first few kilobytes of a body as text, as far as they come at once: for a page that says what is wrong. */
export async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of bodyOf(response, REST_MS)) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= LONGEST_PAGE) break;
    }
  } catch {
    // What came of it is enough, or it is not read at all.
  }
  return Buffer.concat(chunks).subarray(0, LONGEST_PAGE).toString('latin1');
}

/**
 * The body of an answer, piece by piece. Its connection is free afterwards, however the reading ends: a reader that
 * stops early (`return`, or leaving `for await`) cuts it off at once.
 *
 * @param stallMs milliseconds without a byte until it is cut off; a slow body that moves goes on
 * @throws NoAnswer when it is cut off
 */
export function bodyOf(response: IncomingMessage, stallMs = STALL_MS): AsyncIterableIterator<Buffer> {
  return releasable(piecesOf(response, stallMs), () => release(response));
}

async function* piecesOf(response: IncomingMessage, stallMs: number): AsyncGenerator<Buffer> {
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const stalled = new Error(`nothing came for ${stallMs} ms`);
  try {
    for (;;) {
      const timer = setTimeout(() => response.destroy(stalled), stallMs);
      const piece = await pieces.next().finally(() => clearTimeout(timer));
      if (piece.done === true) break;
      yield piece.value;
    }
  } catch (error) {
    throw incomplete(error);
  } finally {
    release(response);
  }
  if (!response.complete) throw incomplete(new Error('the connection was cut before the answer was complete'));
}

/** Drops an answer whose body is not needed (any more). */
function release(response: IncomingMessage): void {
  if (response.complete) response.resume();
  else response.destroy();
}

/**
 * Drops an answer whose short body is not needed: the connection is kept where the rest of it comes soon.
 * @returns resolves when the connection is free, or a moment later: who asks on does it then, instead of on another one
 */
export async function dismiss(response: IncomingMessage): Promise<void> {
  const rest = setTimeout(() => response.destroy(), REST_MS).unref();
  response.on('error', () => undefined);
  const over = new Promise<void>((done) => {
    const moment = setTimeout(done, MOMENT_MS);
    response.once('close', () => {
      for (const timer of [rest, moment]) clearTimeout(timer);
      // The agent gets the socket back in this turn.
      setImmediate(done);
    });
  });
  response.resume();
  await over;
}

function incomplete(cause: unknown): NoAnswer {
  const isLate = cause instanceof Error && cause.name === 'AbortError';
  return new NoAnswer({ op: 'read an answer', cause, isLate });
}
