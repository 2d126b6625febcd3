import { SidecarError } from '../../model/error.ts';

/**
 * pkt-line framing (gitprotocol-common, "pkt-line Format"):
 * four hex digits of length, themselves included, then the payload;
 * `0000` flush, `0001` delimiter, `0002` response end (gitprotocol-v2, "Packet-Line Framing").
 */
export type Packet =
  | { readonly kind: 'data'; readonly payload: Buffer }
  | { readonly kind: 'flush' | 'delimiter' | 'response-end' };

/** Largest whole packet, length digits included (gitprotocol-common: LARGE_PACKET_MAX). */
const LARGEST_PACKET = 65520;
const CONTROL_CHARACTER = /[\0-\x1f\x7f]/;
const CONTROL = { 0: 'flush', 1: 'delimiter', 2: 'response-end' } as const;

function malformed(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read git protocol', detail });
}

/** What a hex digit is worth, by its character code; -1 for every other byte. */
const HEX = Int8Array.from({ length: 256 }, (_, code) =>
  /[0-9a-fA-F]/.test(String.fromCharCode(code)) ? Number.parseInt(String.fromCharCode(code), 16) : -1,
);

/** Where the packet that begins at `at` ends; a control packet has the length 0, 1 or 2. */
function lengthAt(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw malformed(`the answer ends inside a packet length at byte ${at}`);
  let length = 0;
  for (let index = at; index < at + 4; index += 1) {
    const digit = HEX[bytes[index] ?? 0] ?? -1;
    if (digit < 0)
      throw malformed(`bad packet length ${JSON.stringify(bytes.toString('latin1', at, at + 4))} at byte ${at}`);
    length = length * 16 + digit;
  }
  if (length === 3 || length > LARGEST_PACKET) throw malformed(`impossible packet length ${length} at byte ${at}`);
  if (at + length > bytes.length) throw malformed(`the answer ends inside a packet at byte ${at}`);
  return length;
}

/**
 * The packets that `bytes` consist of, to the last byte.
 * @throws SidecarError ERR_REMOTE_PROTOCOL when a length is not hex, impossible, or reaches past the end.
 */
export function* readPackets(bytes: Buffer): Generator<Packet> {
  let at = 0;
  while (at < bytes.length) {
    const length = lengthAt(bytes, at);
    if (length === 0 || length === 1 || length === 2) {
      yield { kind: CONTROL[length] };
      at += 4;
      continue;
    }
    yield { kind: 'data', payload: bytes.subarray(at + 4, at + length) };
    at += length;
  }
}

/** Text of a data packet without the one line feed that senders may append. */
export function packetText(payload: Buffer): string {
  const end = payload.length > 0 && payload[payload.length - 1] === 0x0a ? payload.length - 1 : payload.length;
  return payload.toString('utf8', 0, end);
}

/**
 * Reads the packets of a client one after the other, each data packet as a line: each byte one character, without the
 * one line feed that senders may append. A question may have 84,000 of them, so no packet costs an object.
 */
export class LineReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Of the packet that was read last. */
  kind: Packet['kind'] = 'data';
  /** Of a data packet; empty for the others. */
  line = '';

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * Reads the next packet. @returns false at the end
   * @throws SidecarError ERR_REMOTE_PROTOCOL for what is no packet, for an empty one, and for control characters: a NUL,
   *   another line feed
   */
  next(): boolean {
    const start = this.#at;
    if (start >= this.#bytes.length) return false;
    const length = lengthAt(this.#bytes, start);
    if (length === 0 || length === 1 || length === 2) {
      [this.kind, this.line] = [CONTROL[length], ''];
      this.#at = start + 4;
      return true;
    }
    this.kind = 'data';
    this.#at = start + length;
    const end = this.#bytes[this.#at - 1] === 0x0a && length > 4 ? this.#at - 1 : this.#at;
    this.line = this.#bytes.toString('latin1', start + 4, end);
    if (this.line === '' || CONTROL_CHARACTER.test(this.line))
      throw malformed(`not a line: ${JSON.stringify(this.line.slice(0, 60))}`);
    return true;
  }
}

/** One data packet holding `text` and a line feed. */
export function dataPacket(text: string): Buffer {
  return Buffer.from(packetOf(text));
}

function packetOf(line: string): string {
  const length = Buffer.byteLength(line) + 5;
  if (length > LARGEST_PACKET) throw malformed(`a packet of ${length} bytes cannot be sent`);
  return `${length.toString(16).padStart(4, '0')}${line}\n`;
}

/** Lines of so many packets become one buffer. */
const PACKETS_AT_ONCE = 500;

/**
 * A data packet for each line, as {@link dataPacket} makes one, without three objects for each. It stops now and then,
 * so that other work can go on in between.
 */
export function* linePackets(lines: readonly string[]): Generator<undefined, Buffer> {
  const pieces: Buffer[] = [];
  for (let from = 0; from < lines.length; from += PACKETS_AT_ONCE) {
    if (from > 0) yield;
    pieces.push(
      Buffer.from(
        lines
          .slice(from, from + PACKETS_AT_ONCE)
          .map(packetOf)
          .join(''),
      ),
    );
  }
  return Buffer.concat(pieces);
}

export const FLUSH_PACKET: Buffer = Buffer.from('0000');
export const DELIMITER_PACKET: Buffer = Buffer.from('0001');
