import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { takeSocket } from './take-socket.ts';

/** The stream ends with the connection, so it needs no chunks: one event is one write. @returns what takes them */
export function openStream(request: IncomingMessage, response: ServerResponse): Writable {
  request.socket.setNoDelay(true);
  request.socket.setKeepAlive(true, 30_000);
  request.socket.setTimeout(0);
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // nginx would hold events back.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  return takeSocket(request, response) ?? response;
}
