import { createHash } from 'node:crypto';
import { type Oid, parseOid } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import { atOnce, type Steps, stepsOver } from '../../platform/in-turns.ts';

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

/** The members of {@link refsToJson}, as text: `"NAME":{…},…`; of very many refs step by step. */
export function* refsAsText(refs: Refs): Steps<string> {
  const members: string[] = [];
  yield* stepsOver(refs, ([name, ref]) => members.push(`${JSON.stringify(name)}:${JSON.stringify(recordOf(ref))}`));
  return members.join(',');
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

/** What moved or appeared, and what is gone: {@link changesBetween} of very many refs, step by step. */
export function* stepsBetween(before: Refs, after: Refs, isSame = isSameRef): Steps<RefChange[]> {
  const changes: RefChange[] = [];
  if (before === after) return changes;
  let kept = 0;
  // Git servers list refs in one order, and to compare two names costs much less than to look one up.
  const formers = before.values();
  let former = formers.next().value;
  yield* stepsOver(after, ([ref, to]) => {
    const from = former?.name === ref ? former : before.get(ref);
    if (from) {
      kept += 1;
      while (former && former !== from) former = formers.next().value;
      former = formers.next().value;
    }
    if (from !== to && !isSame(from, to)) changes.push({ ref, from: from?.oid, to });
  });
  if (kept === before.size) return changes;
  yield* stepsOver(before, ([ref, { oid }]) => {
    if (!after.has(ref)) changes.push({ ref, from: oid, to: undefined });
  });
  return changes;
}

export function changesBetween(before: Refs, after: Refs, isSame = isSameRef): RefChange[] {
  return atOnce(stepsBetween(before, after, isSame));
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
  return atOnce(digestSteps(refs));
}

/** Whether {@link digestOf} costs nothing any more. */
export function hasDigest(refs: Refs): boolean {
  return DIGESTS.has(refs);
}

/** {@link digestOf} of very many refs, step by step. */
export function* digestSteps(refs: Refs): Steps<string> {
  const known = DIGESTS.get(refs);
  if (known !== undefined) return known;
  // Git servers list them in this order; any other order is put right first.
  const digest = (yield* digestInOrder(refs.values())) ?? (yield* digestInOrder(yield* sortingSteps(refs))) ?? '';
  DIGESTS.set(refs, digest);
  return digest;
}

function lineOf({ name, oid, peeledOid, symref, isReleased }: AdvertisedRef): string {
  return `${name} ${oid} ${peeledOid} ${symref}${isReleased ? ' released' : ''}`;
}

/** @returns undefined where they are not in the order of their lines */
function* digestInOrder(refs: Iterable<AdvertisedRef>): Steps<string | undefined> {
  const hash = createHash('sha256');
  let last: string | undefined;
  let isInOrder = true;
  yield* stepsOver(refs, (ref) => {
    if (!isInOrder) return;
    const line = lineOf(ref);
    isInOrder = last === undefined || line > last;
    hash.update(last === undefined ? line : `\n${line}`);
    last = line;
  });
  return isInOrder ? hash.digest('hex').slice(0, 16) : undefined;
}

function* sortingSteps(refs: Refs): Steps<AdvertisedRef[]> {
  const lines: (readonly [line: string, ref: AdvertisedRef])[] = [];
  yield* stepsOver(refs.values(), (ref) => lines.push([lineOf(ref), ref]));
  return lines.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref);
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
