import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson } from '../../platform/http-answer.ts';
import type { Unread } from './bodies.ts';

/** A body of this length is rather read off than the connection given up. */
const READ_OFF_BYTES = 64 * 1024;

/** Answers before the body is there. What is announced to be long, or says nothing of its length, ends the connection. */
export function answerUnread(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  document: Readonly<Record<string, string>>,
): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (!request.complete && (encoding !== undefined || Number(length ?? 0) > READ_OFF_BYTES))
    response.setHeader('connection', 'close');
  answerJson(response, status, document);
}

const REFUSALS: Readonly<Record<Unread, readonly [number, string]>> = {
  'too large': [413, 'the body is too large'],
  'too slow': [408, 'the body did not come in time'],
  'crowded out': [503, 'there are too many at a time'],
  gone: [400, 'the body did not come to its end'],
};

/** Answers a request whose body was not read to its end, and ends its connection. */
export function refuseBody(response: ServerResponse, why: Unread): void {
  const [status, error] = REFUSALS[why];
  response.setHeader('connection', 'close');
  if (why === 'crowded out') response.setHeader('retry-after', '1');
  answerJson(response, status, { status: 'refused', error });
  // Nothing more of it is read, however it goes on.
  response.once('finish', () => response.req.socket.destroySoon());
}
