import type { ObjectFormat } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import { OLD_CAPABILITIES } from './old-fetch-request.ts';
import { dataPacket, FLUSH_PACKET } from './pkt-line.ts';

/** The body of `GET …/info/refs?service=git-upload-pack` of a protocol v2 server (gitprotocol-v2, "Capability Advertisement"). */
export function writeAdvertisement(objectFormat: ObjectFormat, agent: string): Buffer {
  return Buffer.concat([
    dataPacket('# service=git-upload-pack'),
    FLUSH_PACKET,
    dataPacket('version 2'),
    dataPacket(`agent=${agent}`),
    dataPacket('ls-refs'),
    dataPacket('fetch=shallow filter'),
    dataPacket('server-option'),
    dataPacket(`object-format=${objectFormat}`),
    FLUSH_PACKET,
  ]);
}

/**
 * The body of `GET …/info/refs?service=git-upload-pack` of a protocol v0 server (gitprotocol-pack, "Reference
 * Discovery"), packet by packet: all refs, HEAD first.
 */
export function* writeOldAdvertisement(
  refs: ReadonlyMap<string, AdvertisedRef>,
  objectFormat: ObjectFormat,
  agent: string,
): Generator<Buffer, void, undefined> {
  yield dataPacket('# service=git-upload-pack');
  yield FLUSH_PACKET;
  const head = refs.get('HEAD');
  const symref = head?.symref === undefined ? [] : [`symref=HEAD:${head.symref}`];
  const words = [...OLD_CAPABILITIES, ...symref, `object-format=${objectFormat}`, `agent=${agent}`];
  let capabilities = `\0${words.join(' ')}`;
  if (refs.size === 0)
    yield dataPacket(`${'0'.repeat(objectFormat === 'sha1' ? 40 : 64)} capabilities^{}${capabilities}`);
  for (const { name, oid, peeledOid } of head ? [head, ...refs.values()] : refs.values()) {
    if (name === 'HEAD' && capabilities === '') continue;
    yield dataPacket(`${oid} ${name}${capabilities}`);
    if (peeledOid) yield dataPacket(`${peeledOid} ${name}^{}`);
    capabilities = '';
  }
  yield FLUSH_PACKET;
}

/** A packet that says to a git client why it gets nothing (gitprotocol-pack, "error-line"). */
export function writeErrorPacket(text: string): Buffer {
  return dataPacket(`ERR ${text}`);
}
