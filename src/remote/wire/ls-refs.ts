import { SidecarError } from '../../model/error.ts';
import { isZeroOid, type ObjectFormat, parseOid } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import { DELIMITER_PACKET, dataPacket, FLUSH_PACKET, packetText, readPackets } from './pkt-line.ts';

/** Refs of one repository that are taken; about 800 bytes of memory each while they are read and compared. */
export const MOST_REFS = 250_000;

export interface LsRefsQuestion {
  /** Only refs that start with one of these are wanted; the server may send more. */
  readonly prefixes: readonly string[];
  readonly objectFormat: ObjectFormat;
  readonly agent: string;
}

/** The body of one `ls-refs` command (gitprotocol-v2, "ls-refs"). */
export function writeLsRefs(question: LsRefsQuestion): Buffer {
  return Buffer.concat([
    dataPacket('command=ls-refs'),
    dataPacket(`agent=${question.agent}`),
    dataPacket(`object-format=${question.objectFormat}`),
    DELIMITER_PACKET,
    dataPacket('peel'),
    dataPacket('symrefs'),
    ...question.prefixes.map((prefix) => dataPacket(`ref-prefix ${prefix}`)),
    FLUSH_PACKET,
  ]);
}

function malformed(line: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', {
    op: 'read git protocol',
    detail: `not a ref line: ${JSON.stringify(line.slice(0, 200))}`,
  });
}

export function tooManyRefs(): SidecarError {
  const detail = `the server lists more than ${MOST_REFS} refs`;
  return new SidecarError('ERR_REMOTE_TOO_LARGE', { op: 'list refs', detail });
}

/** `obj-id SP refname *(SP ref-attribute)`; an unborn ref has the word `unborn` for its oid. */
function readRefLine(line: string): AdvertisedRef | undefined {
  const [id, name, ...attributes] = line.split(' ');
  if (!id || !name) throw malformed(line);
  if (id === 'unborn') return undefined;
  const oid = parseOid(id);
  if (!oid || isZeroOid(oid)) throw malformed(line);
  const attribute = (key: string): string | undefined =>
    attributes.find((text) => text.startsWith(`${key}:`))?.slice(key.length + 1);
  const peeled = attribute('peeled');
  const peeledOid = peeled === undefined ? undefined : parseOid(peeled);
  if (peeled !== undefined && !peeledOid) throw malformed(line);
  const symref = attribute('symref-target');
  return { name, oid, ...(peeledOid && { peeledOid }), ...(symref !== undefined && { symref }) };
}

/** What a client asked about refs, of those things that change the answer. */
export interface RefSelection {
  /** Only refs that start with one of these; empty: all. */
  readonly prefixes: readonly string[];
  readonly peel: boolean;
  readonly symrefs: boolean;
}

/** Which refs are part of the answer. */
export function isWantedBy({ prefixes }: RefSelection): (ref: AdvertisedRef) => boolean {
  const isWanted = beginsWithOneOf(prefixes);
  return ({ name }) => isWanted(name);
}

/**
 * The answer to an `ls-refs` command (gitprotocol-v2, "ls-refs"), packet by packet: there may be a million of them.
 * @param refs those of {@link isWantedBy}
 */
export function* writeRefs(
  refs: Iterable<AdvertisedRef>,
  { peel, symrefs }: RefSelection,
): Generator<Buffer, void, undefined> {
  for (const { name, oid, peeledOid, symref } of refs) {
    const target = symrefs && symref !== undefined ? ` symref-target:${symref}` : '';
    yield dataPacket(`${oid} ${name}${target}${peel && peeledOid ? ` peeled:${peeledOid}` : ''}`);
  }
  yield FLUSH_PACKET;
}

/** No prefix: everything. Looks at one prefix a name, however many there are. */
function beginsWithOneOf(prefixes: readonly string[]): (name: string) => boolean {
  if (prefixes.length === 0) return () => true;
  // Of those where one begins with another only the shortest is needed: then the nearest one before a name decides.
  const needed: string[] = [];
  for (const prefix of [...prefixes].sort(inOrder)) if (!startsWithLast(prefix, needed)) needed.push(prefix);
  return (name) => {
    let [low, high] = [0, needed.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (inOrder(needed[middle] ?? '', name) <= 0) low = middle + 1;
      else high = middle;
    }
    return startsWithLast(name, needed.slice(Math.max(0, low - 1), low));
  };
}

function startsWithLast(name: string, prefixes: readonly string[]): boolean {
  const last = prefixes.at(-1);
  return last !== undefined && name.startsWith(last);
}

function inOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * Reads the answer to an `ls-refs` command, ref by ref: it is not known to be good before its end. It must end in a flush packet: one that was cut off would look like
 * refs that were deleted.
 *
 * @throws SidecarError ERR_REMOTE_PROTOCOL for anything that is not such an answer; with the server's own text when it
 *   sent an `ERR` packet; ERR_REMOTE_TOO_LARGE when there are more refs than are taken.
 */
export function* readLsRefs(body: Buffer): Generator<AdvertisedRef, void, undefined> {
  let count = 0;
  let complete = false;
  for (const packet of readPackets(body)) {
    if (packet.kind !== 'data') {
      complete = packet.kind === 'flush' || complete;
      continue;
    }
    const line = packetText(packet.payload);
    if (line.startsWith('ERR ')) {
      throw new SidecarError('ERR_REMOTE_PROTOCOL', {
        op: 'list refs',
        detail: `the server says: ${line.slice(4, 404)}`,
      });
    }
    if (count >= MOST_REFS) throw tooManyRefs();
    const ref = readRefLine(line);
    if (!ref) continue;
    count += 1;
    yield ref;
  }
  if (!complete) {
    throw new SidecarError('ERR_REMOTE_PROTOCOL', {
      op: 'list refs',
      detail: 'the answer ends before its flush packet',
    });
  }
}
