import { createServer, type Server } from 'node:net';
import type { Address } from '../config/run-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { type Backends, FrontConnection } from './front-connection.ts';

/** How long a new connection waits for the very first process. */
const FIRST_PROCESS_MS = 60_000;

/** Accepts connections at one address and passes them to the process of the moment. */
export class Front implements Backends {
  readonly #connections = new Set<FrontConnection>();
  readonly #server: Server;
  port: number | undefined;
  #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (client) => {
      const connection = new FrontConnection(client, this);
      this.#connections.add(connection);
      void connection.closed.then(() => this.#connections.delete(connection));
    });
  }

  /** @throws SidecarError ERR_SERVE_BIND */
  static async listen({ host, port }: Address): Promise<Front> {
    const front = new Front();
    await new Promise<void>((resolve, reject) => {
      front.#server.once('error', reject);
      front.#server.listen(port, host, resolve);
    }).catch((error: unknown) => {
      const target = `${host ?? ''}:${port}`;
      throw new SidecarError('ERR_SERVE_BIND', { op: 'listen on', target, detail: messageOf(error), cause: error });
    });
    return front;
  }

  /** The port it listens on. */
  get ownPort(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get connections(): number {
    return this.#connections.size;
  }

  async current(): Promise<number> {
    if (this.port !== undefined) return this.port;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('there is no process')), FIRST_PROCESS_MS);
      timer.unref();
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return await this.current();
  }

  /** New connections and new requests go to this port from now on. */
  use(port: number): void {
    this.port = port;
    for (const wake of this.#waiting.splice(0)) wake();
    for (const connection of this.#connections) connection.leaveIfIdle();
  }

  /** Waits until no connection is left with the process at `port`; cuts those that are after `timeoutMs`. Returns how many. */
  async drain(port: number, timeoutMs: number): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    const left = (): FrontConnection[] => [...this.#connections].filter((connection) => connection.port === port);
    while (left().length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
    const cut = left();
    for (const connection of cut) connection.destroy();
    return cut.length;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }
}
