/** A line that gpg or gpgsm writes to `--status-fd` (GnuPG, doc/DETAILS). */
export interface StatusLine {
  readonly keyword: string;
  readonly args: readonly string[];
}

const PREFIX = '[GNUPG:] ';

export function readStatusLines(output: Buffer): readonly StatusLine[] {
  return output
    .toString('utf8')
    .split('\n')
    .filter((line) => line.startsWith(PREFIX))
    .map((line) => {
      const [keyword = '', ...args] = line.slice(PREFIX.length).split(' ');
      return { keyword, args };
    });
}

/** The key of a record `pub`, `sub` or `crt` in the output of `--with-colons`. */
export interface ListedKey {
  readonly bits: number;
  /** Number of the algorithm (RFC 4880, 9.1). */
  readonly algorithm: number;
  readonly fingerprint: string;
  /** Seconds of Unix time; NaN where gpgsm says it in another way. */
  readonly createdAt: number;
}

/** Keys of `--with-colons --list-keys` (GnuPG, doc/DETAILS). */
export function readListedKeys(output: Buffer): readonly ListedKey[] {
  const keys: ListedKey[] = [];
  let last: Omit<ListedKey, 'fingerprint'> | undefined;
  for (const line of output.toString('utf8').split('\n')) {
    const fields = line.split(':');
    if (['pub', 'sub', 'crt'].includes(fields[0] ?? ''))
      last = { bits: Number(fields[2]), algorithm: Number(fields[3]), createdAt: Number(fields[5]) };
    if (fields[0] === 'fpr' && last) {
      keys.push({ ...last, fingerprint: fields[9] ?? '' });
      last = undefined;
    }
  }
  return keys;
}

const RSA: readonly number[] = [1, 2, 3];
const DSA = 17;
const SHORTEST_RSA = 2048;

/** Why a key is too weak; undefined when it is not. */
export function weaknessOfKey({ bits, algorithm }: Pick<ListedKey, 'bits' | 'algorithm'>): string | undefined {
  if (algorithm === DSA) return `its key is a DSA key of ${bits} bits`;
  return RSA.includes(algorithm) && bits < SHORTEST_RSA ? `its key is an RSA key of ${bits} bits` : undefined;
}

/** Numbers of hash functions (RFC 4880, 9.4). */
const WEAK_HASHES = new Map([
  [1, 'MD5'],
  [2, 'SHA-1'],
  [3, 'RIPEMD-160'],
]);

/** The weak hash function with this number; undefined when it is none. */
export function weakHash(number: number): string | undefined {
  return WEAK_HASHES.get(number);
}
