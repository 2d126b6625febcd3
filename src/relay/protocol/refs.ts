import { createHash } from 'node:crypto';
import { type Oid, parseOid } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';

/** Refs of a repository by their full names. */
export type Refs = ReadonlyMap<string, AdvertisedRef>;

/** One ref that moved, appeared or went. */
export interface RefChange {
  readonly ref: string;
  readonly from: Oid | undefined;
  /** undefined: it is gone. */
  readonly to: AdvertisedRef | undefined;
}

/** A ref in JSON, without its name. */
interface RefRecord {
  readonly oid: string;
  readonly peeled?: string;
  readonly symref?: string;
  readonly released?: true;
}

function recordOf({ oid, peeledOid, symref, isReleased }: AdvertisedRef): RefRecord {
  return {
    oid,
    ...(peeledOid && { peeled: peeledOid }),
    ...(symref !== undefined && { symref }),
    ...(isReleased && { released: true }),
  };
}

/** The reverse of {@link recordOf}; undefined for anything else. */
function refOf(name: string, value: unknown): AdvertisedRef | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { oid: id, peeled, symref, released } = value as Record<string, unknown>;
  const oid = typeof id === 'string' ? parseOid(id) : undefined;
  const peeledOid = typeof peeled === 'string' ? parseOid(peeled) : undefined;
  if (!oid || (peeled !== undefined && !peeledOid)) return undefined;
  return {
    name,
    oid,
    ...(peeledOid && { peeledOid }),
    ...(typeof symref === 'string' && { symref }),
    ...(released === true && { isReleased: true }),
  };
}

export function refsToJson(refs: Refs): Record<string, RefRecord> {
  return Object.fromEntries([...refs].map(([name, ref]) => [name, recordOf(ref)]));
}

/** @returns undefined when `value` is not what {@link refsToJson} makes */
export function refsFromJson(value: unknown): Map<string, AdvertisedRef> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const refs = new Map<string, AdvertisedRef>();
  for (const [name, record] of Object.entries(value)) {
    const ref = refOf(name, record);
    if (!ref) return undefined;
    refs.set(name, ref);
  }
  return refs;
}

export function isSameRef(a: AdvertisedRef | undefined, b: AdvertisedRef | undefined): boolean {
  return a?.oid === b?.oid && a?.peeledOid === b?.peeledOid && a?.symref === b?.symref;
}

export function changesBetween(before: Refs, after: Refs, isSame = isSameRef): RefChange[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .filter((name) => !isSame(before.get(name), after.get(name)))
    .map((ref) => ({ ref, from: before.get(ref)?.oid, to: after.get(ref) }));
}

/** As {@link isSameRef}, for a subscriber: it has to know as well that a ref is released by a policy from now on. */
export function isShownAlike(a: AdvertisedRef | undefined, b: AdvertisedRef | undefined): boolean {
  return isSameRef(a, b) && a?.isReleased === b?.isReleased;
}

/** Refs are never changed in place, and are asked for by every fetch. */
const DIGESTS = new WeakMap<Refs, string>();

/**
 * A name for the state of the refs, the same on every relay. A subscriber that has this state does not need it again.
 * 16 hex digits.
 */
export function digestOf(refs: Refs): string {
  const known = DIGESTS.get(refs);
  if (known !== undefined) return known;
  const lines = [...refs.values()].map(({ name, oid, peeledOid, symref, isReleased }) => {
    return `${name} ${oid} ${peeledOid} ${symref}${isReleased ? ' released' : ''}`;
  });
  const digest = createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16);
  DIGESTS.set(refs, digest);
  return digest;
}

/** Those of `refs` that have one of these names; all when there are no names. */
export function selectRefs(refs: Refs, names: readonly string[]): Refs {
  if (names.length === 0) return refs;
  const selected = new Map<string, AdvertisedRef>();
  for (const name of names) {
    const ref = refs.get(name);
    if (ref) selected.set(name, ref);
  }
  return selected;
}
