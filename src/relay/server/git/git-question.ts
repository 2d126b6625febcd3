import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { SidecarError } from '../../../model/error.ts';
import { answerText } from '../../../platform/http-answer.ts';
import type { LargeQuestions, ReadQuestion } from './large-questions.ts';

/** `have` lines of a clone with very many refs; a longer question is refused. */
const LARGEST_QUESTION = 4 * 1024 * 1024;
/** A question of so many bytes is never one of {@link LargeQuestions}. */
const SMALL_BYTES = 64 * 1024;

/**
 * The body of a request; undefined when it was answered already: too long, unpacked, or torn.
 * @param owner the id of the principal
 * @throws SidecarError ERR_RELAY_FULL
 */
export async function readQuestion(
  questions: LargeQuestions,
  owner: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<ReadQuestion | undefined> {
  const small = readSmall(request);
  if (small) return { body: await small, release: () => undefined };
  const left = new AbortController();
  const leave = (): void => left.abort();
  response.once('close', leave);
  try {
    const isTooLong = Number(request.headers['content-length'] ?? 0) > LARGEST_QUESTION;
    const read = isTooLong ? undefined : await questions.read(unpacked(request), LARGEST_QUESTION, owner, left.signal);
    if (read) return read;
    response.setHeader('connection', 'close');
    answerText(response, 413, 'the question is too long');
  } catch (error) {
    // The rest of it is not needed.
    response.setHeader('connection', 'close');
    if (error instanceof SidecarError) throw error;
    answerText(response, 400, 'the question cannot be unpacked');
  } finally {
    response.off('close', leave);
  }
  return undefined;
}

/**
 * The body where it is known to be short, which costs less than to read one of any length.
 * @returns undefined for any other one; it rejects when the client goes before the end
 */
function readSmall(request: IncomingMessage): Promise<Buffer> | undefined {
  const { 'content-length': length, 'content-encoding': encoding } = request.headers;
  if (length === undefined || Number(length) > SMALL_BYTES || encoding !== undefined) return undefined;
  const chunks: Buffer[] = [];
  return new Promise((done, fail) => {
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const [only] = chunks;
      done(only && chunks.length === 1 ? only : Buffer.concat(chunks));
    });
    request.once('close', () => fail(new Error('the client has gone')));
    request.once('error', fail);
  });
}

/** A reader that stops in the middle leaves the connection open: the answer still has to be sent. */
function unpacked(request: IncomingMessage): AsyncIterable<Buffer> {
  if (!/gzip/.test(String(request.headers['content-encoding'] ?? '')))
    return request.iterator({ destroyOnReturn: false });
  const bytes = createGunzip();
  // A client that closes the connection in the middle ends this too.
  pipeline(request, bytes, () => undefined);
  return bytes;
}
