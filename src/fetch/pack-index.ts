import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';

/** The start of an index of version 2 (gitformat-pack, "pack-*.idx files"). */
const MAGIC = Buffer.from('ff744f6300000002', 'hex');
const FAN_OUT_AT = MAGIC.length;
const OIDS_AT = FAN_OUT_AT + 256 * 4;

function read(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, at));
}

function holds(file: number, oid: Oid): boolean {
  const head = read(file, 0, OIDS_AT);
  if (head.length < OIDS_AT || !head.subarray(0, FAN_OUT_AT).equals(MAGIC)) return false;
  const wanted = Buffer.from(oid, 'hex');
  const first = wanted.readUInt8(0);
  const countTo = (byte: number): number => (byte < 0 ? 0 : head.readUInt32BE(FAN_OUT_AT + byte * 4));
  const [start, end] = [countTo(first - 1), countTo(first)];
  const oids = read(file, OIDS_AT + start * wanted.length, (end - start) * wanted.length);
  for (let at = 0; at < oids.length; at += wanted.length) {
    if (wanted.equals(oids.subarray(at, at + wanted.length))) return true;
  }
  return false;
}

/**
 * True when a pack of the repository has the object, as its index says: no process is needed to find out. False also
 * where there is no such index, or one that is not understood.
 * @param pack the name that git-index-pack gives: the digest in the names of its files
 */
export function packHolds(gitDir: string, pack: string, oid: Oid): boolean {
  let file: number;
  try {
    file = openSync(join(gitDir, 'objects', 'pack', `pack-${pack}.idx`), 'r');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
  try {
    return holds(file, oid);
  } finally {
    closeSync(file);
  }
}
