import type { Socket } from 'node:net';
import { after, type Clock } from '../platform/clock.ts';
import { type BackendSocket, openBackend } from './backend-socket.ts';
import { withConnectionClose } from './closing-head.ts';
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
/** What a client still sends after its answer is read and dropped: this long in all, and this long without a byte. */
const LINGER_MS = 30_000;
const LINGER_IDLE_MS = 5000;
/** The first request of a connection this young may be on its way. */
const YOUNG_MS = 1000;

/** One client, and the process that it is connected to at the moment. */
export class FrontConnection {
  readonly #client: Socket;
  readonly #backends: Backends;
  readonly #requests = new MessageTracker('request');
  readonly #responses = new MessageTracker('response');
  readonly #clock: Clock;
  readonly #openedAt: number;
  #backend: BackendSocket | undefined;
  #opening: Promise<void> | undefined;
  /** The beginning of an answer whose head is not complete yet. */
  #held: Buffer | undefined;
  #isLeaving = false;
  #isOver = false;
  /** Port of the process behind; undefined while there is none. */
  port: number | undefined;
  readonly closed: Promise<void>;

  constructor(client: Socket, backends: Backends, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#openedAt = clock.monotonic();
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
   * Goes over to the current process if it is another one and no request is under way. A client that has sent one
   * before will send the next; a client that has not may be waiting for the server to speak first, and needs the new
   * process now.
   */
  leaveIfIdle(): void {
    if (!this.#backend || this.#opening || this.port === this.#backends.port || !this.#isIdle) return;
    this.#dropBackend();
    if (this.#requests.completed === 0) void this.#open();
  }

  /** From now on each answer says that it is the last one on this connection. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Closes the connection if no request is under way. */
  endIfIdle(): void {
    const mayBeAsking = this.#requests.completed === 0 && this.#clock.monotonic() - this.#openedAt < YOUNG_MS;
    if (this.#isIdle && !this.#opening && !mayBeAsking) this.#finish();
  }

  destroy(): void {
    this.#client.destroy();
  }

  get #isIdle(): boolean {
    const [requests, responses] = [this.#requests, this.#responses];
    if (requests.isLost || responses.isLost) return false;
    return requests.isBetween && responses.isBetween && requests.completed === responses.completed;
  }

  /** The client has everything that it can get from the process. */
  get #isAnswered(): boolean {
    const [requests, responses] = [this.#requests, this.#responses];
    if (responses.isFinished) return true;
    return (
      !responses.isLost && responses.isBetween && responses.completed > 0 && responses.completed >= requests.completed
    );
  }

  #fromClient(chunk: Buffer): void {
    if (this.#isOver) return;
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
    if (!backend || backend.isDeaf || backend.write(chunk)) return;
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
    const clock = this.#clock;
    const deadline = clock.monotonic() + HOLD_MS;
    for (;;) {
      const port = await this.#backends.current();
      const socket = await openBackend(port);
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
      if (clock.monotonic() > deadline) throw new Error('the process accepts no connection');
      await clock.sleep(RETRY_MS);
    }
  }

  #adopt(socket: BackendSocket, port: number): void {
    this.#backend = socket;
    this.port = port;
    let hasEnded = false;
    socket.on('data', (chunk: Buffer) => this.#fromBackend(chunk, socket));
    socket.on('error', () => undefined);
    socket.on('end', () => {
      hasEnded = true;
      this.#passOn(this.#held ?? Buffer.alloc(0), socket);
      if (this.#isAnswered) this.#finish();
      else this.#client.end();
    });
    socket.on('close', (failed) => {
      if (hasEnded || this.#isAnswered) this.#finish();
      else if (failed) this.#client.destroy();
      else this.#client.end();
    });
  }

  #fromBackend(chunk: Buffer, socket: BackendSocket): void {
    const { isLost, isBetween, methods } = this.#responses;
    if (!this.#held && !(this.#isLeaving && !isLost && isBetween && methods.length <= 1)) {
      this.#passOn(chunk, socket);
      return;
    }
    const bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    const closing = withConnectionClose(bytes);
    this.#held = closing ? undefined : bytes;
    if (closing) this.#passOn(closing, socket);
  }

  #passOn(bytes: Buffer, socket: BackendSocket): void {
    this.#responses.feed(bytes);
    if (bytes.length > 0 && !this.#client.write(bytes)) {
      socket.pause();
      this.#client.once('drain', () => socket.resume());
    }
    if (this.#isLeaving && this.#responses.isFinished) this.#finish();
    else this.leaveIfIdle();
  }

  /**
   * Nothing more comes for the client. As long as it is still sending it must not be cut off, or its kernel drops the
   * answer that it has not read yet (RFC 9112, 9.6).
   */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#dropBackend();
    const client = this.#client;
    client.once(
      'close',
      after(this.#clock, LINGER_MS, () => client.destroy()),
    );
    client.setTimeout(LINGER_IDLE_MS, () => client.destroy());
    if (this.#requests.isBetween || client.readableEnded) client.destroySoon();
    else client.end();
    client.resume();
  }

  #dropBackend(): void {
    const backend = this.#backend;
    this.#backend = undefined;
    this.port = undefined;
    backend?.removeAllListeners();
    backend?.on('error', () => undefined);
    backend?.destroy();
  }
}
