import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/**
 * A request handler that may fail: its connection is then closed, as when a server dies. A test's own server is asked
 * until the very end, when what is behind it, or the one that asks, may be gone already.
 */
export function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): RequestListener {
  return (request, response) => {
    answer(request, response).catch(() => response.destroy());
  };
}
