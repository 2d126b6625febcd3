import { createRequire } from 'node:module';
import { RANGE_LIBRARY } from './version.ts';

/** What we use of npm's `semver`. */
type Range = new (
  text: string,
) => {
  test(version: string): boolean;
};

/** Of a range; what is longer is nothing that a person wrote. */
const LONGEST = 256;

/** A range of versions, as npm writes it: `>=1.2 <2`, `^1.2`, `1.x || 2.0.x`. */
export interface VersionRange {
  /**
   * @param text a version of exactly three numbers, else it is in no range; a pre-release is in the range only where
   *   the range names a pre-release of the same three numbers
   */
  includes(text: string): boolean;
}

/** Read when it is needed, because few need it and a program's text stays in memory. */
function loadRange(): Range {
  const load = createRequire(RANGE_LIBRARY ?? import.meta.url);
  return load(RANGE_LIBRARY ?? 'semver/classes/range.js') as Range;
}

/** @returns undefined for a text that is no range */
export function parseVersionRange(text: string): VersionRange | undefined {
  if (text.trim() === '' || text.length > LONGEST) return undefined;
  const Range = loadRange();
  try {
    const range = new Range(text);
    return { includes: (version) => range.test(version) };
  } catch {
    // It says so by throwing; there is nothing else that can go wrong.
    return undefined;
  }
}
