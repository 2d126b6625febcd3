/**
 * An object id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
 * Made only by {@link parseOid}, so a value of this type has been checked.
 */
export type Oid = string & { readonly __brand: 'Oid' };

export type ObjectFormat = 'sha1' | 'sha256';

const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The oid that `text` spells, in either case of letters; undefined when it is not a full object id. */
export function parseOid(text: string): Oid | undefined {
  const lower = text.toLowerCase();
  return OID.test(lower) ? (lower as Oid) : undefined;
}

export function objectFormatOf(oid: Oid): ObjectFormat {
  return oid.length === 64 ? 'sha256' : 'sha1';
}

/** True for the all-zero oid that git prints for "no object". */
export function isZeroOid(oid: Oid): boolean {
  return /^0+$/.test(oid);
}
