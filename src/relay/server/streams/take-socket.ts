import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HANDED_OVER } from '../../../serve/connections.ts';

/** What a socket holds of the operating system, and what a new socket can be made of. Node does not document it. */
interface WithHandle {
  _handle?: object | null;
}

/**
 * Takes the connection away from the HTTP server when the head of an answer was sent that ends with the connection. The
 * request, the response, the parser and the socket that the server knew are closed and can be forgotten: they take more
 * memory than the stream itself. A client that sends anything more loses the connection.
 * @returns undefined where the connection has to stay as it is: with TLS, while something is not sent yet, and while an
 *   earlier request of the same connection is answered
 */
export function takeSocket({ socket }: IncomingMessage, response: ServerResponse): Socket | undefined {
  const owner: Socket & WithHandle = socket;
  const { _handle: handle } = owner;
  const isReady = response.socket === owner && !owner.destroyed && owner.writableLength === 0;
  if (!handle || !isReady || owner instanceof TLSSocket) return undefined;
  owner._handle = null;
  const taken = new Socket({ handle } as SocketConstructorOpts);
  owner.emit(HANDED_OVER, taken);
  owner.destroy();
  taken.on('error', ignore);
  taken.on('data', destroy);
  taken.on('finish', destroy);
  return taken;
}

/** The socket closes itself behind an error. */
function ignore(): void {}

function destroy(this: Socket): void {
  this.destroy();
}
