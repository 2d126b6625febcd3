import { SidecarError } from '../../model/error.ts';
import { type ObjectFormat, type Oid, parseOid } from '../../model/oid.ts';
import { PacketSplitter } from './packet-splitter.ts';
import { DELIMITER_PACKET, dataPacket, FLUSH_PACKET, type Packet, packetText } from './pkt-line.ts';

export interface FetchQuestion {
  readonly objectFormat: ObjectFormat;
  readonly agent: string;
  readonly wants: readonly Oid[];
  /** Commits whose objects are all here, down to `shallow`. */
  readonly haves: readonly Oid[];
  /** Those of `haves` whose parents are not here. */
  readonly shallow: readonly Oid[];
  /** Commits of history that are wanted; undefined: all. */
  readonly depth: number | undefined;
}

/** The body of one `fetch` command that wants a pack at once, without negotiation (gitprotocol-v2, "fetch"). */
export function writeFetch({ objectFormat, agent, wants, haves, shallow, depth }: FetchQuestion): Buffer {
  return Buffer.concat([
    dataPacket('command=fetch'),
    dataPacket(`agent=${agent}`),
    dataPacket(`object-format=${objectFormat}`),
    DELIMITER_PACKET,
    dataPacket('thin-pack'),
    dataPacket('ofs-delta'),
    dataPacket('no-progress'),
    ...shallow.map((oid) => dataPacket(`shallow ${oid}`)),
    ...(depth === undefined ? [] : [dataPacket(`deepen ${depth}`)]),
    ...wants.map((oid) => dataPacket(`want ${oid}`)),
    ...haves.map((oid) => dataPacket(`have ${oid}`)),
    dataPacket('done'),
    FLUSH_PACKET,
  ]);
}

type Section = 'start' | 'acknowledgments' | 'shallow-info' | 'packfile' | 'end';

/** Bands of the packfile section (gitprotocol-v2, "packfile section"). */
const BAND = { data: 1, progress: 2, error: 3 } as const;

function malformed(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read git protocol', detail });
}

/**
 * A server that does not have what it is asked for is not broken: another one behind the same name may have shown it to
 * us.
 */
function refusal(words: string): SidecarError {
  const isDamaged = /corrupt|bad object|unable to read|missing (?:blob|tree|commit)/i.test(words);
  const code = isDamaged ? 'ERR_REMOTE_CORRUPT' : /not our ref/.test(words) ? 'ERR_REMOTE_REF' : 'ERR_REMOTE_PROTOCOL';
  return new SidecarError(code, { op: 'fetch', detail: `the server says: ${words}` });
}

/** Reads the answer to a `fetch` command while it comes. */
export class FetchAnswer {
  readonly #packets = new PacketSplitter();
  #section: Section = 'start';
  /** Commits whose parents the server left out. */
  readonly shallow: Oid[] = [];
  /** Commits that were shallow and whose parents come now. */
  readonly unshallow: Oid[] = [];

  /**
   * Takes the next piece of the answer; gives the pieces of the pack in it.
   * @throws SidecarError ERR_REMOTE_PROTOCOL for anything that is no such answer; with the server's own text when it
   *   reports an error
   */
  *feed(chunk: Buffer): Generator<Buffer> {
    for (const packet of this.#packets.feed(chunk)) {
      const data = this.#section === 'packfile' ? this.#readBand(packet) : this.#readLine(packet);
      if (data) yield data;
    }
  }

  /** @throws SidecarError ERR_REMOTE_PROTOCOL when the answer is not complete */
  finish(): void {
    this.#packets.finish();
    if (this.#section !== 'end') throw malformed('the answer ends before its pack does');
  }

  #readBand(packet: Packet): Buffer | undefined {
    if (packet.kind === 'flush') {
      this.#section = 'end';
      return undefined;
    }
    if (packet.kind !== 'data' || packet.payload.length === 0) throw malformed('an odd packet among those of the pack');
    const [band, rest] = [packet.payload[0], packet.payload.subarray(1)];
    if (band === BAND.data) return rest;
    if (band === BAND.progress) return undefined;
    throw band === BAND.error ? refusal(rest.toString('utf8', 0, 400).trim()) : malformed(`band ${band}`);
  }

  #readLine(packet: Packet): undefined {
    if (packet.kind === 'delimiter' && (this.#section === 'acknowledgments' || this.#section === 'shallow-info')) {
      this.#section = 'start';
      return;
    }
    if (packet.kind !== 'data' || this.#section === 'end') throw malformed('the answer ends before its pack begins');
    const line = packetText(packet.payload);
    if (line.startsWith('ERR ')) throw refusal(line.slice(4, 404));
    if (this.#section === 'start') this.#section = sectionNamed(line);
    else if (this.#section === 'shallow-info') this.#readShallow(line);
  }

  #readShallow(line: string): void {
    const [word, id = ''] = line.split(' ');
    const oid = parseOid(id);
    if (!oid || (word !== 'shallow' && word !== 'unshallow'))
      throw malformed(`not a shallow line: ${line.slice(0, 60)}`);
    (word === 'shallow' ? this.shallow : this.unshallow).push(oid);
  }
}

function sectionNamed(line: string): Section {
  if (line === 'acknowledgments' || line === 'shallow-info' || line === 'packfile') return line;
  throw malformed(`unknown section ${JSON.stringify(line.slice(0, 60))}`);
}

async function* piecesOf(body: AsyncIterator<Buffer>, answer: FetchAnswer): AsyncGenerator<Buffer> {
  for (let next = await body.next(); next.done !== true; next = await body.next()) yield* answer.feed(next.value);
  answer.finish();
}

/**
 * The bytes of the pack in the body of an answer to `fetch`. Its `return` is that of the body, at once: a reader that
 * stops early frees what is behind the body, even while the next piece of it has not come.
 * @throws SidecarError ERR_REMOTE_PROTOCOL, and what `body` throws
 */
export function packOf(body: AsyncIterable<Buffer>, answer: FetchAnswer): AsyncIterableIterator<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  const pieces = piecesOf(chunks, answer);
  const pack: AsyncIterableIterator<Buffer> = {
    next: () => pieces.next(),
    return: async () => {
      await chunks.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => pack,
  };
  return pack;
}
