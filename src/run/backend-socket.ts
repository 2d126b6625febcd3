import { Socket } from 'node:net';

/** How long a server may take to accept a connection on the loopback interface. */
const CONNECT_MS = 5000;

type Done = (error?: Error | null) => void;

/**
 * A connection to the process, on which reading goes on after writing failed. A server that answers before an upload
 * ends closes with bytes unread, so the kernel resets the connection (RFC 9112, 9.6): the next write fails, and Node
 * would drop the answer that is ready to be read.
 */
export class BackendSocket extends Socket {
  /** The other side takes nothing any more; what is written is lost. */
  isDeaf = false;

  constructor() {
    super({ allowHalfOpen: true });
    this.setNoDelay(true);
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, (error) => this.#written(error, done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Done): void {
    super._writev?.(chunks, (error) => this.#written(error, done));
  }

  #written(error: Error | null | undefined, done: Done): void {
    if (error) this.isDeaf = true;
    done();
  }
}

/** @returns undefined when nothing accepts there */
export function openBackend(port: number): Promise<BackendSocket | undefined> {
  return new Promise((resolve) => {
    const socket = new BackendSocket();
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('no connection in time')));
    socket.once('error', () => resolve(undefined));
    socket.connect({ port, host: '127.0.0.1' }, () => {
      socket.setTimeout(0);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
