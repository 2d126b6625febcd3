import { SidecarError } from '../../model/error.ts';
import { type Packet, readPackets } from './pkt-line.ts';

/** Cuts bytes that come in pieces of any size into packets (gitprotocol-common, "pkt-line Format"). */
export class PacketSplitter {
  #rest = Buffer.alloc(0);

  /**
   * The packets that are whole by now.
   * @throws SidecarError ERR_REMOTE_PROTOCOL for what cannot be a packet
   */
  *feed(chunk: Buffer): Generator<Packet> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let end = 0;
    while (end + 4 <= bytes.length) {
      const length = Math.max(4, Number.parseInt(bytes.toString('latin1', end, end + 4), 16) || 4);
      if (end + length > bytes.length) break;
      end += length;
    }
    this.#rest = Buffer.from(bytes.subarray(end));
    yield* readPackets(bytes.subarray(0, end));
  }

  /** @throws SidecarError ERR_REMOTE_PROTOCOL when the bytes ended inside a packet */
  finish(): void {
    if (this.#rest.length === 0) return;
    const detail = `the answer ends inside a packet (${this.#rest.length} bytes of it)`;
    throw new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read git protocol', detail });
  }
}
