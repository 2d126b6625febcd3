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
const CONTROL = { 0: 'flush', 1: 'delimiter', 2: 'response-end' } as const;

function malformed(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read git protocol', detail });
}

function lengthAt(bytes: Buffer, at: number): number {
  const digits = bytes.toString('latin1', at, at + 4);
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw malformed(`bad packet length ${JSON.stringify(digits)} at byte ${at}`);
  return Number.parseInt(digits, 16);
}

/**
 * The packets that `bytes` consist of, to the last byte.
 * @throws SidecarError ERR_REMOTE_PROTOCOL when a length is not hex, impossible, or reaches past the end.
 */
export function* readPackets(bytes: Buffer): Generator<Packet> {
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw malformed(`the answer ends inside a packet length at byte ${at}`);
    const length = lengthAt(bytes, at);
    if (length === 0 || length === 1 || length === 2) {
      yield { kind: CONTROL[length] };
      at += 4;
      continue;
    }
    if (length < 4 || length > LARGEST_PACKET) throw malformed(`impossible packet length ${length} at byte ${at}`);
    if (at + length > bytes.length) throw malformed(`the answer ends inside a packet at byte ${at}`);
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
 * The line in a data packet of a client: each byte one character, without the one line feed that senders may append.
 * @throws SidecarError ERR_REMOTE_PROTOCOL for an empty packet and for control characters: a NUL, another line feed
 */
export function lineOf(payload: Buffer): string {
  const end = payload[payload.length - 1] === 0x0a ? payload.length - 1 : payload.length;
  const line = payload.toString('latin1', 0, end);
  if (line === '' || /[\0-\x1f\x7f]/.test(line)) throw malformed(`not a line: ${JSON.stringify(line.slice(0, 60))}`);
  return line;
}

/** One data packet holding `text` and a line feed. */
export function dataPacket(text: string): Buffer {
  const payload = Buffer.from(`${text}\n`);
  const length = payload.length + 4;
  if (length > LARGEST_PACKET) throw malformed(`a packet of ${length} bytes cannot be sent`);
  return Buffer.concat([Buffer.from(length.toString(16).padStart(4, '0')), payload]);
}

export const FLUSH_PACKET: Buffer = Buffer.from('0000');
export const DELIMITER_PACKET: Buffer = Buffer.from('0001');
