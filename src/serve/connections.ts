import type { Socket } from 'node:net';
import { Shares } from '../platform/shares.ts';

/** The event of a socket whose connection goes on as that of another socket, which comes with the event. */
export const HANDED_OVER = 'handed over';

export interface ConnectionLimits {
  readonly most: number;
  /** Of one address; 0: no other limit than `most`. */
  readonly mostOfOne: number;
}

interface Open {
  readonly key: string;
  readonly socket: Socket;
  readonly address: string;
}

/**
 * The connections of a server. When there are as many as may be, the address that has most of them gives one up to an
 * address that has fewer: the one that has been without a request for longest. So no client keeps others out with idle
 * connections.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #shares: Shares;
  readonly #open = new Map<string, Open>();
  /** The same without names: to make one for each request costs more. */
  readonly #bySocket = new WeakMap<Socket, Open>();
  /** Those without a request, by address; the one that rests longest first. */
  readonly #resting = new Map<string, Set<Open>>();
  #refused = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#shares = new Shares(limits.most);
  }

  get size(): number {
    return this.#shares.total;
  }

  /** Connections that were closed because there were too many. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes a new connection on, or closes it. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? 'unknown';
    const { mostOfOne } = this.#limits;
    const isTooMuch = mostOfOne > 0 && this.#shares.of(address) >= mostOfOne;
    if (isTooMuch || (this.#shares.isFull && !this.#makeRoom(address))) {
      this.#refused += 1;
      socket.destroy();
      return;
    }
    // A socket that is closed does not know its peer any more.
    const open = { key: keyOf(socket), socket, address };
    this.#open.set(open.key, open);
    this.#bySocket.set(socket, open);
    this.#shares.add(address);
    this.#rest(open);
    socket.once('close', () => this.#forget(open));
    socket.once(HANDED_OVER, (successor: Socket) => this.#handOver(open, successor));
  }

  /**
   * A request has come on `socket`; with TLS that is another socket than the one that was admitted, of the same peer.
   * @returns what to call when the request is answered
   */
  begin(socket: Socket): () => void {
    const open = this.#bySocket.get(socket) ?? this.#open.get(keyOf(socket));
    if (!open) return () => undefined;
    this.#rouse(open);
    return () => {
      if (this.#open.get(open.key) === open) this.#rest(open);
    };
  }

  /** The connection still has its place, and never rests again: it is for one answer only. */
  #handOver(open: Open, successor: Socket): void {
    if (this.#open.get(open.key) !== open) return;
    this.#open.delete(open.key);
    this.#rouse(open);
    const { address } = open;
    successor.on('close', () => this.#shares.remove(address));
  }

  #makeRoom(address: string): boolean {
    const rival = this.#shares.rivalOf(address);
    const [victim] = this.#resting.get(rival ?? '') ?? [];
    if (!victim) return false;
    this.#refused += 1;
    this.#forget(victim);
    victim.socket.destroy();
    return true;
  }

  #forget(open: Open): void {
    if (this.#open.get(open.key) !== open) return;
    this.#open.delete(open.key);
    this.#rouse(open);
    this.#shares.remove(open.address);
  }

  #rest(open: Open): void {
    const resting = this.#resting.get(open.address) ?? new Set();
    this.#resting.set(open.address, resting.add(open));
  }

  #rouse(open: Open): void {
    const resting = this.#resting.get(open.address);
    resting?.delete(open);
    if (resting?.size === 0) this.#resting.delete(open.address);
  }
}

/** The same for both sockets of a TLS connection. */
function keyOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
