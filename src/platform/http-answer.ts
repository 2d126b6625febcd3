import type { IncomingMessage, ServerResponse } from 'node:http';
import { GrowingBuffer } from './growing-buffer.ts';

export function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

/** For a path at which nothing is. */
export function answerNothing(response: ServerResponse): void {
  answerText(response, 404, 'there is nothing here');
}

/** A document that no cache should keep. */
export function answerJson(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(document)}\n`);
}

/**
 * The body of a request.
 * @returns undefined when it is longer than `most` bytes; the rest of it is not read then
 */
export async function readRequest(request: AsyncIterable<Buffer>, most: number): Promise<Buffer | undefined> {
  const body = new GrowingBuffer(most);
  for await (const chunk of request) if (!body.add(chunk)) return undefined;
  return body.content;
}

/** The token of an `Authorization: Bearer` header (RFC 6750). */
export function bearerToken({ headers: { authorization } }: IncomingMessage): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
}
