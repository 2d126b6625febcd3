import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../platform/clock.ts';
import { GrowingBuffer } from '../../platform/growing-buffer.ts';

export interface BodyLimits {
  /** Bytes of one body. */
  readonly most: number;
  /** Bytes that bodies of one address may hold together. */
  readonly mostOfAddress: number;
  /** Bytes that all of them may hold together. */
  readonly mostInAll: number;
  /** Bodies of one address at a time, and of all. */
  readonly countOfAddress: number;
  readonly count: number;
  /** Milliseconds from the first byte that is waited for to the last. */
  readonly ms: number;
}

/** Why a body was not read to its end. */
export type Unread = 'too large' | 'too slow' | 'crowded out' | 'gone';

interface Arriving {
  readonly address: string;
  readonly since: number;
  readonly content: GrowingBuffer;
  readonly giveUp: (why: Unread) => void;
}

/** A sender in its time: a git host sends a notification in one go. */
const GRACE_MS = 1000;

/**
 * Bodies that are arriving, within bounds. Every new body is accepted. When there is no room, the slowest of those
 * whose time is over is dropped; while there is none, the one that holds most. So a notification is kept out neither by
 * bodies that stall nor by large ones.
 */
export class Bodies {
  readonly #clock: Clock;
  readonly #limits: BodyLimits;
  readonly #arriving = new Set<Arriving>();

  constructor(clock: Clock, limits: BodyLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Bytes that are held now. */
  get held(): number {
    return bytesOf([...this.#arriving]);
  }

  /** The body of a request, or why there is none; in that case nothing more of it is read. */
  async read(request: IncomingMessage, address: string): Promise<Buffer | Unread> {
    const { most, ms } = this.#limits;
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > most) return 'too large';
    const ended = new AbortController();
    try {
      return await new Promise<Buffer | Unread>((resolve) => {
        const since = this.#clock.monotonic();
        const body: Arriving = { address, since, content: new GrowingBuffer(most), giveUp: resolve };
        this.#makeRoomForOne(address);
        this.#arriving.add(body);
        ended.signal.addEventListener('abort', () => this.#arriving.delete(body), { once: true });
        request.on('data', (chunk: Buffer) => this.#take(body, chunk));
        request.once('end', () => resolve(body.content.content));
        for (const event of ['aborted', 'error', 'close']) request.once(event, () => resolve('gone'));
        void this.#clock.sleep(ms, ended.signal).then(() => resolve('too slow'));
      });
    } finally {
      ended.abort();
      request.removeAllListeners('data');
      request.pause();
    }
  }

  #take(body: Arriving, chunk: Buffer): void {
    if (!this.#arriving.has(body)) return;
    if (body.content.add(chunk)) this.#makeRoom(body.address);
    else this.#end(body, 'too large');
  }

  #makeRoom(address: string): void {
    const { mostOfAddress, mostInAll } = this.#limits;
    const ofAddress = (): Arriving[] => [...this.#arriving].filter((each) => each.address === address);
    while (bytesOf(ofAddress()) > mostOfAddress) this.#end(this.#leastWelcome(ofAddress()), 'crowded out');
    while (this.held > mostInAll) this.#end(this.#leastWelcome([...this.#arriving]), 'crowded out');
  }

  #makeRoomForOne(address: string): void {
    const { count, countOfAddress } = this.#limits;
    const ofAddress = [...this.#arriving].filter((each) => each.address === address);
    if (ofAddress.length >= countOfAddress) this.#end(this.#slowest(ofAddress) ?? ofAddress[0], 'crowded out');
    else if (this.#arriving.size >= count) {
      const all = [...this.#arriving];
      // Sets keep their order: the first has had the most time.
      this.#end(this.#slowest(all) ?? all[0], 'crowded out');
    }
  }

  /** Of those that had their time. */
  #slowest(bodies: readonly Arriving[]): Arriving | undefined {
    const now = this.#clock.monotonic();
    const rate = ({ content, since }: Arriving): number => content.size / (now - since);
    return bodies
      .filter(({ since }) => now - since > GRACE_MS)
      .reduce<Arriving | undefined>(
        (slowest, each) => (slowest && rate(slowest) <= rate(each) ? slowest : each),
        undefined,
      );
  }

  #leastWelcome(bodies: readonly Arriving[]): Arriving | undefined {
    const largest = bodies.reduce<Arriving | undefined>(
      (most, each) => (most && most.content.size >= each.content.size ? most : each),
      undefined,
    );
    return this.#slowest(bodies) ?? largest;
  }

  #end(body: Arriving | undefined, why: Unread): void {
    if (!body) return;
    this.#arriving.delete(body);
    body.giveUp(why);
  }
}

function bytesOf(bodies: readonly Arriving[]): number {
  return bodies.reduce((sum, { content }) => sum + content.held, 0);
}
