import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { messageOf, SidecarError } from '../../model/error.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import { readStoredRefs, type StoredRefs } from '../server/rollouts/rollout-store.ts';

/** What was decided about one repository, as the bucket has it. */
export interface DecisionRecord {
  readonly repository: RepositoryName;
  /** The relay that wrote it, and in which term of its. */
  readonly writer: string;
  /** The digest of the policies by which it decided. */
  readonly policies: string;
  readonly refs: StoredRefs;
}

/** Of a record that has no room in one value: where the parts of it are. */
export interface PartList {
  /** What their keys begin with; a number from 0 follows. */
  readonly base: string;
  readonly count: number;
  /** Of all of them together: another writer may be about to write over them. */
  readonly digest: string;
}

const VERSION = 1;
const WHOLE = 0;
const IN_PARTS = 1;
/** Compressed, a fleet of 20,000 instances in the middle of a rollout needs 280 kB. */
const MOST_PARTS = 64;
/** Of the JSON, as a guard against what no relay writes. */
const LARGEST_TEXT = 512 * 1024 * 1024;
const FAST = { level: 1 };

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function packRecord({ repository, writer, policies, refs }: DecisionRecord): Uint8Array {
  return deflateRawSync(JSON.stringify({ version: VERSION, repository, writer, policies, refs }), FAST);
}

/** The value of a record that has room in one. */
export function wholeHead(packed: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(WHOLE), packed]);
}

/** @throws SidecarError ERR_ROLLOUT_STATE when there are more parts than there may be */
export function splitPacked(packed: Uint8Array, largest: number, repository: RepositoryName): readonly Uint8Array[] {
  const count = Math.ceil(packed.length / largest);
  if (count > MOST_PARTS) {
    const detail = `what is decided about it has ${packed.length} bytes, and ${MOST_PARTS} values of ${largest} are the most`;
    throw new SidecarError('ERR_ROLLOUT_STATE', { op: 'share the rollouts', target: repository, detail });
  }
  return Array.from({ length: count }, (_, index) => packed.subarray(index * largest, (index + 1) * largest));
}

/** The value that leads to the parts of a record. */
export function listHead(base: string, parts: readonly Uint8Array[]): Uint8Array {
  const list: PartList = { base, count: parts.length, digest: digestOf(Buffer.concat(parts)) };
  return Buffer.concat([Buffer.of(IN_PARTS), Buffer.from(JSON.stringify(list))]);
}

/** @returns undefined for a head that is whole @throws Error for what no relay writes */
export function partsOf(head: Uint8Array): PartList | undefined {
  if (head[0] !== IN_PARTS) return undefined;
  const { base, count, digest } = JSON.parse(Buffer.from(head.subarray(1)).toString()) as Record<string, unknown>;
  const isGood = typeof base === 'string' && typeof digest === 'string' && typeof count === 'number';
  if (!isGood || !(count > 0 && count <= MOST_PARTS)) throw new Error('it is not what a relay writes');
  return { base, count, digest };
}

/** @returns undefined when they are not the parts that the head is about: there is a newer head */
export function joinParts({ count, digest }: PartList, parts: readonly Uint8Array[]): Uint8Array | undefined {
  const packed = Buffer.concat(parts);
  return parts.length === count && digestOf(packed) === digest ? packed : undefined;
}

/** @param packed what {@link packRecord} made @throws SidecarError ERR_ROLLOUT_STATE */
export function readRecord(packed: Uint8Array): DecisionRecord {
  try {
    const text = inflateRawSync(packed, { maxOutputLength: LARGEST_TEXT }).toString();
    const { version, repository, writer, policies, refs } = JSON.parse(text) as Record<string, unknown>;
    if (version !== VERSION) throw new Error(`it has version ${String(version)}, and this release knows ${VERSION}`);
    const name = typeof repository === 'string' ? parseRepositoryName(repository) : undefined;
    if (!name || typeof writer !== 'string' || typeof policies !== 'string')
      throw new Error('it is not what a relay writes');
    return { repository: name, writer, policies, refs: readStoredRefs(refs) };
  } catch (cause) {
    const detail = messageOf(cause);
    throw new SidecarError('ERR_ROLLOUT_STATE', { op: 'read the shared rollouts', detail, cause });
  }
}
