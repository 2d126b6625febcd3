import { createServer, type Server } from 'node:net';
import type { Address } from '../config/run-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { after, type Clock } from '../platform/clock.ts';
import { type Backends, FrontConnection } from './front-connection.ts';

/** How long a new connection waits for the very first process. */
const FIRST_PROCESS_MS = 60_000;
/** Pause between two looks at the connections that are left. */
const LOOK_MS = 10;

/** Accepts connections at one address and passes them to the process of the moment. */
export class Front implements Backends {
  readonly #connections = new Set<FrontConnection>();
  readonly #server: Server;
  readonly #clock: Clock;
  port: number | undefined;
  #waiting: (() => void)[] = [];
  #isLeaving = false;

  private constructor(clock: Clock) {
    this.#clock = clock;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (client) => {
      const connection = new FrontConnection(client, this, clock);
      this.#connections.add(connection);
      if (this.#isLeaving) connection.leave();
      void connection.closed.then(() => this.#connections.delete(connection));
    });
  }

  /** @throws SidecarError ERR_SERVE_BIND */
  static async listen({ host, port }: Address, clock: Clock): Promise<Front> {
    const front = new Front(clock);
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
      const cancel = after(this.#clock, FIRST_PROCESS_MS, () => reject(new Error('there is no process')));
      this.#waiting.push(() => {
        cancel();
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

  /**
   * Waits until no connection is left with the process at `port`; cuts those that are after `timeoutMs`.
   * @param signal gives up waiting, and cuts nothing
   * @returns how many were cut
   */
  async drain(port: number, timeoutMs: number, signal?: AbortSignal): Promise<number> {
    return await this.#empty(() => [...this.#connections].filter((each) => each.port === port), timeoutMs, signal);
  }

  /** Each answer is the last one of its connection from now on, so that clients go elsewhere on their own account. */
  leave(): void {
    this.#isLeaving = true;
    for (const connection of this.#connections) connection.leave();
  }

  /**
   * Accepts no connection any more, closes those that are idle and waits for the others; cuts what is left after
   * `timeoutMs`.
   * @param signal gives up waiting, and cuts nothing
   * @returns how many were cut
   */
  async finish(timeoutMs: number, signal: AbortSignal): Promise<number> {
    this.leave();
    this.#server.close();
    const left = (): FrontConnection[] => {
      for (const connection of this.#connections) connection.endIfIdle();
      return [...this.#connections];
    };
    return await this.#empty(left, timeoutMs, signal);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#cut([...this.#connections]);
    await closed;
  }

  async #empty(left: () => FrontConnection[], timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const clock = this.#clock;
    const deadline = clock.monotonic() + timeoutMs;
    while (left().length > 0 && clock.monotonic() < deadline) {
      if (signal?.aborted) return 0;
      await clock.sleep(LOOK_MS);
    }
    return signal?.aborted ? 0 : this.#cut(left());
  }

  #cut(connections: readonly FrontConnection[]): number {
    for (const connection of connections) connection.destroy();
    return connections.length;
  }
}
