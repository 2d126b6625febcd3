/** A version as tags write it. Numbers are texts without leading zeros, because they may be longer than a number of ours. */
export interface Version {
  /** What it is called, without a `v` in front. */
  readonly text: string;
  /** `1`, `2`, `3` of `1.2.3`; one or more. */
  readonly numbers: readonly string[];
  /** `rc`, `1` of `1.2.3-rc.1`; none: it is a release. */
  readonly pre: readonly string[];
  /** `b7` of `1.2.3+b7`. */
  readonly build: readonly string[];
}

const NONE: readonly string[] = [];
const NUMBER = '(0|[1-9]\\d*)';
/** Nearly all versions are such; there may be very many. */
const PLAIN = new RegExp(`^([vV]?)${NUMBER}\\.${NUMBER}\\.${NUMBER}$`);
const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const VERSION = new RegExp(`^[vV]?((\\d+(?:\\.\\d+)*)(?:-(${IDENTIFIERS}))?(?:\\+(${IDENTIFIERS}))?)$`);

/**
 * Reads `1.2.3-rc.1+b7`, with or without a `v`. More is taken than Semantic Versioning allows: any count of numbers,
 * and leading zeros, as in `2024.05.01`.
 * @returns undefined for anything else
 */
export function parseVersion(name: string): Version | undefined {
  const plain = PLAIN.exec(name);
  if (plain) return { text: name.slice(plain[1]?.length), numbers: plain.slice(2), pre: NONE, build: NONE };
  const match = VERSION.exec(name);
  if (!match) return undefined;
  const [, text = '', numbers = '', pre, build] = match;
  return {
    text,
    numbers: numbers.split('.').map(withoutZeros),
    pre: pre?.split('.') ?? NONE,
    build: build?.split('.') ?? NONE,
  };
}

/**
 * Semantic Versioning 2.0.0, 11; a missing number is 0. Versions that differ in their build only are in the order of
 * that, as npm's `compareBuild` has it.
 * @returns negative when `a` is the older one, 0 when they differ in nothing
 */
export function compareVersions(a: Version, b: Version): number {
  for (let at = 0; at < Math.max(a.numbers.length, b.numbers.length); at += 1) {
    const order = compareNumbers(a.numbers[at] ?? '0', b.numbers[at] ?? '0');
    if (order !== 0) return order;
  }
  // A release is newer than all that came before it.
  if (a.pre.length === 0 || b.pre.length === 0) {
    const order = Math.sign(b.pre.length - a.pre.length);
    if (order !== 0) return order;
  }
  return compareIdentifiers(a.pre, b.pre) || compareIdentifiers(a.build, b.build);
}

/** Of two lists of which one begins with the other, the longer one is newer. */
function compareIdentifiers(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = compareIdentifier(a[at] ?? '', b[at] ?? '');
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareIdentifier(a: string, b: string): number {
  const [isNumberA, isNumberB] = [isNumber(a), isNumber(b)];
  if (isNumberA && isNumberB) return compareNumbers(withoutZeros(a), withoutZeros(b));
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return compareTexts(a, b);
}

function compareNumbers(a: string, b: string): number {
  return a.length - b.length || compareTexts(a, b);
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function withoutZeros(digits: string): string {
  return digits.length > 1 && digits.startsWith('0') ? digits.replace(/^0+(?=\d)/, '') : digits;
}

/** What npm's `semver` takes: longer texts and numbers are no versions. */
const LONGEST = 256;

/** Semantic Versioning 2.0.0, 2 and 9: three numbers, and no leading zeros. */
export function isSemanticVersion({ text, numbers, pre }: Version): boolean {
  if (numbers.length !== 3 || text.length > LONGEST || !text.startsWith(numbers.join('.'))) return false;
  if (!numbers.every((number) => Number(number) <= Number.MAX_SAFE_INTEGER)) return false;
  return pre.every((each) => !isNumber(each) || withoutZeros(each) === each);
}
