import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { messageOf, SidecarError } from '../../model/error.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import { readStoredRefs, type StoredRefs } from '../server/rollout-store.ts';

/** What was decided about one repository, as the bucket has it. */
export interface DecisionRecord {
  readonly repository: RepositoryName;
  /** The relay that wrote it, and in which term of its. */
  readonly writer: string;
  /** The digest of the policies by which it decided. */
  readonly policies: string;
  readonly refs: StoredRefs;
}

/** The bytes of a record. Long ones are in parts, which have names of their own, and the head lists these. */
export interface RecordBytes {
  readonly head: Uint8Array;
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

const VERSION = 1;
const WHOLE = 0;
const IN_PARTS = 1;
/** Compressed, a fleet of 20,000 instances in the middle of a rollout needs two or three of 1 MiB. */
const MOST_PARTS = 64;
/** Of the JSON, as a guard against what no relay writes. */
const LARGEST_TEXT = 512 * 1024 * 1024;
const FAST = { level: 1 };

/** @throws SidecarError ERR_ROLLOUT_STATE when it has more parts than it may */
export function writeRecord({ repository, writer, policies, refs }: DecisionRecord, largest: number): RecordBytes {
  const text = JSON.stringify({ version: VERSION, repository, writer, policies, refs });
  const packed = deflateRawSync(text, FAST);
  if (packed.length < largest) return { head: Buffer.concat([Buffer.of(WHOLE), packed]), parts: new Map() };
  const parts = new Map<string, Uint8Array>();
  for (let from = 0; from < packed.length; from += largest) {
    const part = packed.subarray(from, from + largest);
    parts.set(createHash('sha256').update(part).digest('hex').slice(0, 32), part);
  }
  if (parts.size > MOST_PARTS) {
    const detail = `what is decided about it has ${packed.length} bytes, and ${MOST_PARTS} values of ${largest} are the most`;
    throw new SidecarError('ERR_ROLLOUT_STATE', { op: 'share the rollouts', target: repository, detail });
  }
  const head = Buffer.concat([Buffer.of(IN_PARTS), Buffer.from(JSON.stringify([...parts.keys()]))]);
  return { head, parts };
}

/** The names of the parts that belong to a head; none where it is whole. @throws Error for what no relay writes */
export function partsOf(head: Uint8Array): readonly string[] {
  if (head[0] !== IN_PARTS) return [];
  const names = JSON.parse(Buffer.from(head.subarray(1)).toString()) as unknown;
  const isList = Array.isArray(names) && names.every((each) => typeof each === 'string' && /^[0-9a-f]{32}$/.test(each));
  if (!isList) throw new Error('it is not what a relay writes');
  return names as string[];
}

/** @param parts in the order of {@link partsOf} @throws SidecarError ERR_ROLLOUT_STATE */
export function readRecord(head: Uint8Array, parts: readonly Uint8Array[]): DecisionRecord {
  try {
    const packed = head[0] === IN_PARTS ? Buffer.concat(parts) : head.subarray(1);
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
