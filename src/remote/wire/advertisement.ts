import type { ObjectFormat } from '../../model/oid.ts';
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

/** A packet that tells a git client why it gets nothing (gitprotocol-pack, "error-line"). */
export function writeErrorPacket(text: string): Buffer {
  return dataPacket(`ERR ${text}`);
}
