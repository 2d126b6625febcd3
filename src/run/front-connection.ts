import { connect, type Socket } from 'node:net';
import { MessageTracker } from './http-boundary.ts';

export interface Backends {
  /** The port of the process that takes new work; undefined while there is none. */
  readonly port: number | undefined;
  /** Resolves with {@link port} when there is one; rejects when there is none for too long. */
  current(): Promise<number>;
}

const RETRY_MS = 50;
/** How long a connection waits for a process that does not accept yet, or is being started again. */
const HOLD_MS = 15_000;

/** One client, and the process that it is connected to at the moment. */
export class FrontConnection {
  readonly #client: Socket;
  readonly #backends: Backends;
  readonly #requests = new MessageTracker('request');
  readonly #responses = new MessageTracker('response');
  #backend: Socket | undefined;
  #opening: Promise<void> | undefined;
  /** Port of the process behind; undefined while there is none. */
  port: number | undefined;
  readonly closed: Promise<void>;

  constructor(client: Socket, backends: Backends) {
    this.#client = client;
    this.#backends = backends;
    client.setNoDelay(true);
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    client.on('end', () => void this.#clientEnded());
    client.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#backend?.destroy();
        resolve();
      });
    });
    // Protocols in which the server speaks first need the other side at once.
    void this.#open();
  }

  /**
   * Goes over to the current process if it is another one and no request is under way. Whoever has sent one before will
   * send the next; who has not may be waiting for the server to speak first, and needs the new one now.
   */
  leaveIfIdle(): void {
    if (!this.#backend || this.#opening || this.port === this.#backends.port || !this.#isIdle) return;
    this.#backend.removeAllListeners();
    this.#backend.on('error', () => undefined);
    this.#backend.destroy();
    this.#backend = undefined;
    this.port = undefined;
    if (this.#requests.completed === 0) void this.#open();
  }

  destroy(): void {
    this.#client.destroy();
  }

  get #isIdle(): boolean {
    const [requests, responses] = [this.#requests, this.#responses];
    if (requests.isLost || responses.isLost) return false;
    return requests.isBetween && responses.isBetween && requests.completed === responses.completed;
  }

  #fromClient(chunk: Buffer): void {
    this.#requests.feed(chunk);
    this.#responses.methods.push(...this.#requests.methods.splice(0));
    if (this.#backend && !this.#opening) {
      this.#write(chunk);
      return;
    }
    this.#client.pause();
    this.#open().then(
      () => {
        this.#write(chunk);
        this.#client.resume();
      },
      () => this.#client.destroy(),
    );
  }

  #write(chunk: Buffer): void {
    const backend = this.#backend;
    if (!backend || backend.write(chunk)) return;
    this.#client.pause();
    backend.once('drain', () => this.#client.resume());
  }

  async #clientEnded(): Promise<void> {
    if (this.#isIdle) this.#client.destroy();
    else this.#backend?.end();
  }

  /** @returns when there is a connection to the current process */
  #open(): Promise<void> {
    if (this.#backend && !this.#opening) return Promise.resolve();
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
      this.leaveIfIdle();
    });
    this.#opening.catch(() => this.#client.destroy());
    return this.#opening;
  }

  async #connect(): Promise<void> {
    const deadline = performance.now() + HOLD_MS;
    for (;;) {
      const port = await this.#backends.current();
      const socket = await tryConnect(port);
      if (this.#client.destroyed) {
        socket?.destroy();
        throw new Error('the client has gone');
      }
      if (socket && port === this.#backends.port) {
        this.#adopt(socket, port);
        return;
      }
      socket?.destroy();
      if (socket) continue;
      if (performance.now() > deadline) throw new Error('the process accepts no connection');
      await new Promise((resolve) => {
        setTimeout(resolve, RETRY_MS);
      });
    }
  }

  #adopt(socket: Socket, port: number): void {
    this.#backend = socket;
    this.port = port;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#responses.feed(chunk);
      if (!this.#client.write(chunk)) {
        socket.pause();
        this.#client.once('drain', () => socket.resume());
      }
      this.leaveIfIdle();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => this.#client.end());
    socket.on('close', (failed) => (failed ? this.#client.destroy() : this.#client.end()));
  }
}

function tryConnect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined));
  });
}
