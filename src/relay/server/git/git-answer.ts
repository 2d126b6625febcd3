import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { SidecarError } from '../../../model/error.ts';
import { answerText } from '../../../platform/http-answer.ts';
import { writeErrorPacket } from '../../../remote/wire/advertisement.ts';
import { FLUSH_PACKET } from '../../../remote/wire/pkt-line.ts';
import type { OnRefused } from '../access/quotas.ts';
import { PacedResponse } from './paced-response.ts';
import type { PackAnswers } from './pack-answers.ts';
import type { PackQuestion } from './pack-question.ts';

/** Of packets that are sent together. */
const PIECE_BYTES = 32 * 1024;
/** Of an error packet: it may hold text of the client. */
const LONGEST_ERROR = 500;
const NO_CACHE = { 'cache-control': 'no-cache, max-age=0, must-revalidate' };

/** Media types of gitprotocol-http(5). */
export const ADVERTISEMENT = 'application/x-git-upload-pack-advertisement';
const RESULT = 'application/x-git-upload-pack-result';

export function sendBytes(response: ServerResponse, bytes: Buffer, type = RESULT): void {
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length, ...NO_CACHE });
  // Node writes a head together with a text, and a head and a buffer as two pieces, which costs more than to copy a few.
  if (bytes.length <= PIECE_BYTES) response.end(bytes.toString('latin1'), 'latin1');
  else response.end(bytes);
}

/** Sends packets that are made while they are taken, many at a time; other work goes on in between. */
export async function sendPackets(response: ServerResponse, packets: Iterable<Buffer>, type = RESULT): Promise<void> {
  response.writeHead(200, { 'content-type': type, ...NO_CACHE });
  const reader = new PacedResponse(response);
  let piece: Buffer[] = [];
  let size = 0;
  for (const packet of packets) {
    piece.push(packet);
    size += packet.length;
    if (size < PIECE_BYTES) continue;
    if (!(await reader.write(Buffer.concat(piece)))) return;
    [piece, size] = [[], 0];
    await turn();
  }
  response.end(Buffer.concat(piece));
}

/** An error as git clients understand it: a packet of an answer that is otherwise good. @param text may hold anything */
export function sendError(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
  const visible = `the relay: ${text}`.replace(/[\p{Cc}]+/gu, ' ').slice(0, LONGEST_ERROR);
  response.end(Buffer.concat([writeErrorPacket(visible), FLUSH_PACKET]));
}

/**
 * Sends the answer at the client's pace. One that breaks off breaks the connection, so that no client takes it for
 * whole; one that was kept and cannot be read any more is computed anew.
 */
export async function sendAnswer(
  { answers, onRefused }: { readonly answers: PackAnswers; readonly onRefused: OnRefused },
  question: PackQuestion,
  response: ServerResponse,
): Promise<void> {
  let reader: PacedResponse | undefined;
  for (;;) {
    const { answer, source } = answers.ask(question);
    const { small } = answer;
    if (small) {
      sendBytes(response, small);
      return;
    }
    reader ??= new PacedResponse(response);
    let isStarted = false;
    try {
      for await (const chunk of answer.read(reader.left)) {
        if (!isStarted) response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
        isStarted = true;
        if (!(await reader.write(chunk))) return;
      }
      if (!isStarted) response.writeHead(200, { 'content-type': RESULT, ...NO_CACHE });
      response.end();
      return;
    } catch (error) {
      if (isStarted) response.destroy();
      else if (source === 'kept') continue;
      else refuse(onRefused, response, error);
      return;
    }
  }
}

function refuse(onRefused: OnRefused, response: ServerResponse, error: unknown): void {
  if (error instanceof SidecarError && error.class === 'wait') {
    if (error.is('full')) onRefused('answers');
    response.setHeader('retry-after', '5');
    answerText(response, 503, 'the relay has no room for another answer');
  } else
    answerText(response, 502, `the relay cannot answer: ${error instanceof SidecarError ? error.code : 'see its log'}`);
}
