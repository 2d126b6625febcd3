import type { NewestTarget } from '../../config/sync-config.ts';
import { isRefPattern } from '../../platform/ref-pattern.ts';
import { parseVersionRange } from '../../platform/version-range.ts';

/** The refs that a subscriber wants to hear of. */
export interface WantedRefs {
  /** Full names; none, and no `newest`: every ref. */
  readonly names: readonly string[];
  /** The newest of those that match; by the date of the commit: all that match. */
  readonly newest: NewestTarget | undefined;
}

const MOST_NAMES = 64;
const NAME = /^(?:HEAD|[^\p{Cc}\s~^:?*[\\]{1,500})$/u;
/** What a range alone is about. */
const TAGS = 'refs/tags/*';

/** What is wrong with a question that cannot be understood. */
export const UNFIT_REFS = `up to ${MOST_NAMES} names of refs, or one pattern with \`newest\``;

/**
 * `ref=NAME…`; or `ref=PATTERN`, `newest=version|name|committed` and perhaps `semver=RANGE`. A relay that does not know
 * `newest` refuses the pattern, because no name of a ref is like that.
 */
export function writeWanted(params: URLSearchParams, { names, newest }: WantedRefs): void {
  for (const name of names) params.append('ref', name);
  if (!newest) return;
  params.append('ref', newest.pattern ?? TAGS);
  params.set('newest', newest.order);
  if (newest.semver !== undefined) params.set('semver', newest.semver);
}

/** @returns undefined for what {@link writeWanted} does not write */
export function readWanted(params: URLSearchParams): WantedRefs | undefined {
  const names = params.getAll('ref');
  const order = params.get('newest');
  if (order === null)
    return names.length <= MOST_NAMES && names.every((name) => NAME.test(name))
      ? { names, newest: undefined }
      : undefined;
  const [pattern = '', ...more] = names;
  const semver = params.get('semver') ?? undefined;
  const isOrder = order === 'version' || order === 'name' || order === 'committed';
  const isRange = semver === undefined || parseVersionRange(semver) !== undefined;
  if (!isOrder || !isRange || more.length > 0 || !isRefPattern(pattern)) return undefined;
  return { names: [], newest: { kind: 'newest', requested: pattern, pattern, semver, order } };
}
