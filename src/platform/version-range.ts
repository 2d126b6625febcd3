import { createRequire } from 'node:module';
import { compareVersions, isSemanticVersion, parseVersion, type Version } from '../model/version.ts';
import { RANGE_LIBRARY } from './version.ts';

/** What we use of npm's `semver`: it knows what a text means, as alternatives of bounds that all have to hold. */
type Range = new (
  text: string,
) => {
  readonly set: readonly (readonly {
    readonly operator: '' | '=' | '<' | '<=' | '>' | '>=';
    /** Its version is undefined where anything is meant. */
    readonly semver: { readonly version?: string };
  }[])[];
};

interface Bound {
  readonly version: Version;
  /** Takes the order of a version and this bound. */
  readonly holds: (order: number) => boolean;
}

/** Of a range; what is longer is nothing that a person wrote. */
const LONGEST = 256;

/** A range of versions, as npm writes it: `>=1.2 <2`, `^1.2`, `1.x || 2.0.x`. */
export interface VersionRange {
  /**
   * A version that is none of Semantic Versioning is in no range; a pre-release is only in a range that names a
   * pre-release of the same three numbers.
   */
  includes(version: Version): boolean;
}

/** Read when it is needed, because few need it and a program's text stays in memory. */
function loadRange(): Range {
  const load = createRequire(RANGE_LIBRARY ?? import.meta.url);
  return load(RANGE_LIBRARY ?? 'semver/classes/range.js') as Range;
}

const HOLDS: Readonly<Record<string, Bound['holds']>> = {
  '': (order) => order === 0,
  '=': (order) => order === 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** @returns undefined for a text that is no range */
export function parseVersionRange(text: string): VersionRange | undefined {
  if (text.trim() === '' || text.length > LONGEST) return undefined;
  const Range = loadRange();
  let alternatives: readonly (readonly Bound[])[];
  try {
    alternatives = new Range(text).set.map((bounds) =>
      bounds.flatMap(({ operator, semver }) => {
        const version = semver.version === undefined ? undefined : parseVersion(semver.version);
        const holds = HOLDS[operator];
        return version && holds ? [{ version, holds }] : [];
      }),
    );
  } catch {
    // It says so by throwing; there is nothing else that can go wrong.
    return undefined;
  }
  return {
    includes: (version) => isSemanticVersion(version) && alternatives.some((bounds) => isWithin(version, bounds)),
  };
}

function isWithin(version: Version, bounds: readonly Bound[]): boolean {
  // Build metadata has no say here.
  const bare = version.build.length > 0 ? { ...version, build: [] } : version;
  if (!bounds.every((bound) => bound.holds(compareVersions(bare, bound.version)))) return false;
  return (
    version.pre.length === 0 || bounds.some((bound) => bound.version.pre.length > 0 && isSameRelease(version, bound))
  );
}

function isSameRelease({ numbers }: Version, { version }: Bound): boolean {
  return version.numbers.every((number, at) => number === numbers[at]);
}
