/** What was signed, and the signature, as they are in a raw commit or tag (gitformat-signature). */
export interface SignedObject {
  /** Exactly the signed bytes. */
  readonly payload: Buffer;
  /** Each in its armour; of a commit there can be one by hash function. */
  readonly signature: Buffer;
}

/** More than one signature, or a header that git would not write: nobody can say what was signed. */
export const AMBIGUOUS = Symbol('ambiguous');

const NEWLINE = 0x0a;
const SPACE = 0x20;
const SIGNATURE_HEADERS = ['gpgsig', 'gpgsig-sha256'] as const;

interface Header {
  readonly name: string;
  /** From its first byte to the one behind its last newline. */
  readonly bytes: Buffer;
}

/** The headers, each with its continued lines, and the rest: the empty line and the message. */
function splitHeaders(raw: Buffer): { readonly headers: readonly Header[]; readonly rest: Buffer } {
  const headers: Header[] = [];
  let start = 0;
  while (start < raw.length && raw[start] !== NEWLINE) {
    let end = start;
    do {
      const newline = raw.indexOf(NEWLINE, end);
      end = newline === -1 ? raw.length : newline + 1;
    } while (end < raw.length && raw[end] === SPACE);
    const bytes = raw.subarray(start, end);
    headers.push({ name: /^[^ \n]*/.exec(bytes.toString('latin1'))?.[0] ?? '', bytes });
    start = end;
  }
  return { headers, rest: raw.subarray(start) };
}

/** The value of a header without the space that begins each continued line. */
function textOf({ name, bytes }: Header): Buffer {
  return Buffer.from(
    bytes
      .toString('latin1')
      .slice(name.length + 1)
      .replaceAll('\n ', '\n'),
    'latin1',
  );
}

function isSignatureHeader({ name }: Header): boolean {
  return (SIGNATURE_HEADERS as readonly string[]).includes(name);
}

/** The value of the first header with this name. */
export function headerOf(raw: Buffer, name: string): string | undefined {
  const header = splitHeaders(raw).headers.find((each) => each.name === name);
  return header && textOf(header).toString('latin1').replace(/\n$/, '');
}

/** All values of a header, such as `parent`. */
export function headersOf(raw: Buffer, name: string): readonly string[] {
  const found = splitHeaders(raw).headers.filter((each) => each.name === name);
  return found.map((header) => textOf(header).toString('latin1').replace(/\n$/, ''));
}

/**
 * The signature of a commit is a header, named after the hash function of its repository; what is signed is the commit
 * without any header of that kind.
 */
export function splitCommit(raw: Buffer, format: 'sha1' | 'sha256'): SignedObject | undefined | typeof AMBIGUOUS {
  const { headers, rest } = splitHeaders(raw);
  const own = SIGNATURE_HEADERS[format === 'sha1' ? 0 : 1];
  const found = headers.filter(({ name }) => name === own);
  const [header] = found;
  if (!header) return undefined;
  if (found.length > 1) return AMBIGUOUS;
  const kept = headers.filter((each) => !isSignatureHeader(each)).map(({ bytes }) => bytes);
  return { payload: Buffer.concat([...kept, rest]), signature: textOf(header) };
}

const ARMOUR = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----$/gm;

/** The signature of a tag stands behind its message, from the last line that begins one. */
export function splitTag(raw: Buffer): SignedObject | undefined | typeof AMBIGUOUS {
  const matches = [...raw.toString('latin1').matchAll(ARMOUR)];
  const at = matches.at(-1)?.index;
  if (at === undefined) return undefined;
  if (matches.length > 1) return AMBIGUOUS;
  const { headers, rest } = splitHeaders(raw.subarray(0, at));
  const kept = headers.filter((each) => !isSignatureHeader(each)).map(({ bytes }) => bytes);
  return { payload: Buffer.concat([...kept, rest]), signature: raw.subarray(at) };
}

export type SignatureFormat = 'openpgp' | 'x509' | 'ssh';

const FORMATS: readonly (readonly [RegExp, SignatureFormat])[] = [
  [/^-----BEGIN PGP (?:SIGNATURE|MESSAGE)-----\n/, 'openpgp'],
  [/^-----BEGIN SIGNED MESSAGE-----\n/, 'x509'],
  [/^-----BEGIN SSH SIGNATURE-----\n/, 'ssh'],
];

/** By its first line; undefined when it is none that git knows. */
export function formatOf(signature: Buffer): SignatureFormat | undefined {
  const start = signature.subarray(0, 64).toString('latin1');
  return FORMATS.find(([pattern]) => pattern.test(start))?.[1];
}
