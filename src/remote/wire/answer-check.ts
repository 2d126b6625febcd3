import { createHash, type Hash } from 'node:crypto';
import type { ObjectFormat } from '../../model/oid.ts';
import { PacketSplitter } from './packet-splitter.ts';
import type { Packet } from './pkt-line.ts';

/** Follows the bytes of a pack to its end: its head, and the checksum that ends it (gitformat-pack). */
class PackCheck {
  readonly #hash: Hash;
  readonly #trailer: number;
  #last = Buffer.alloc(0);
  #head = '';

  constructor(objectFormat: ObjectFormat) {
    this.#hash = createHash(objectFormat);
    this.#trailer = objectFormat === 'sha1' ? 20 : 32;
  }

  feed(bytes: Buffer): void {
    if (this.#head.length < 8) this.#head += bytes.toString('latin1', 0, 8 - this.#head.length);
    // The last bytes are held back: they may be the checksum.
    const all = this.#last.length === 0 ? bytes : Buffer.concat([this.#last, bytes]);
    const end = Math.max(0, all.length - this.#trailer);
    this.#hash.update(all.subarray(0, end));
    this.#last = Buffer.from(all.subarray(end));
  }

  /** To be asked once, at the end. */
  isWhole(): boolean {
    return /^PACK\0\0\0[\x02\x03]$/.test(this.#head) && this.#hash.digest().equals(this.#last);
  }
}

/** What has to be in an answer. */
export interface AnswerCheckOptions {
  readonly protocol: 0 | 2;
  readonly objectFormat: ObjectFormat;
  /** The question ends in `done`, so that a pack has to come. */
  readonly isDone: boolean;
}

const ERROR_BAND = 3;
const SECTIONS = ['acknowledgments', 'shallow-info', 'packfile'];

/**
 * Follows the answer of git upload-pack while it comes, and knows at its end whether it is one: well-formed packets to
 * the last byte, in their order, and a pack whose checksum is right. What is not understood is not complete, such as a
 * pack that protocol v0 sends without a side band.
 */
export class AnswerCheck {
  readonly #options: AnswerCheckOptions;
  readonly #packets = new PacketSplitter();
  #pack: PackCheck | undefined;
  #state: 'lines' | 'section' | 'pack' | 'end' = 'lines';
  #isOdd = false;
  #isEmpty = true;

  constructor(options: AnswerCheckOptions) {
    this.#options = options;
  }

  feed(chunk: Buffer): void {
    if (this.#isOdd) return;
    try {
      for (const packet of this.#packets.feed(chunk)) this.#read(packet);
    } catch {
      this.#isOdd = true;
    }
  }

  /** To be asked once, at the end. */
  isComplete(): boolean {
    if (this.#isOdd || this.#isEmpty) return false;
    try {
      this.#packets.finish();
    } catch {
      return false;
    }
    if (this.#pack) return this.#state === 'end' && this.#pack.isWhole();
    return !this.#options.isDone && (this.#options.protocol === 0 || this.#state === 'end');
  }

  #read(packet: Packet): void {
    this.#isEmpty = false;
    if (this.#state === 'end' || packet.kind === 'response-end') this.#isOdd = true;
    else if (this.#state === 'pack') this.#readBand(packet);
    else if (this.#options.protocol === 2) this.#readSection(packet);
    else this.#readOldLine(packet);
  }

  #readBand(packet: Packet): void {
    if (packet.kind === 'flush') {
      this.#state = 'end';
      return;
    }
    const band = packet.kind === 'data' ? packet.payload[0] : undefined;
    if (packet.kind !== 'data' || band === undefined || band < 1 || band >= ERROR_BAND) this.#isOdd = true;
    else if (band === 1) this.#pack?.feed(packet.payload.subarray(1));
  }

  #readSection(packet: Packet): void {
    if (packet.kind === 'flush') {
      if (this.#state === 'section') this.#state = 'end';
      else this.#isOdd = true;
      return;
    }
    if (this.#state === 'section') {
      if (packet.kind === 'delimiter') this.#state = 'lines';
      else if (packet.kind === 'data' && /^ERR /.test(packet.payload.toString('latin1', 0, 4))) this.#isOdd = true;
      return;
    }
    const name = packet.kind === 'data' ? packet.payload.toString('latin1').replace(/\n$/, '') : '';
    if (!SECTIONS.includes(name)) this.#isOdd = true;
    else if (name === 'packfile') this.#beginPack();
    else this.#state = 'section';
  }

  /** Shallow lines and a flush, ACK and NAK lines, and then bands with nothing before them. */
  #readOldLine(packet: Packet): void {
    if (packet.kind === 'flush') return;
    if (packet.kind !== 'data') {
      this.#isOdd = true;
      return;
    }
    const [first] = packet.payload;
    if (first !== undefined && first <= ERROR_BAND) {
      this.#beginPack();
      this.#readBand(packet);
    } else if (!/^(?:shallow|unshallow|ACK|NAK)\b/.test(packet.payload.toString('latin1', 0, 12))) this.#isOdd = true;
  }

  #beginPack(): void {
    this.#pack = new PackCheck(this.#options.objectFormat);
    this.#state = 'pack';
  }
}
