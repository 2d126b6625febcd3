import { createHash } from 'node:crypto';
import type { NewestTarget } from '../config/sync-config.ts';
import { compareVersions, parseVersion, type Version } from '../model/version.ts';
import { compileGlob, literalPrefix } from '../platform/glob.ts';
import { parseVersionRange } from '../platform/version-range.ts';
import { CommittedCollector, type DateSource } from './committed-collector.ts';
import { NewestCollector } from './newest-collector.ts';
import type { RefChoice } from './ref-choice.ts';

/** A ref that may be followed, as far as its name says. */
export interface Named {
  /** Without `refs/heads/` and `refs/tags/`. */
  readonly short: string;
  readonly full: string;
  /** undefined where versions do not matter. */
  readonly version: Version | undefined;
}

/** Why a ref is not followed although the pattern matches it. */
export type Unfit = 'no-version' | 'out-of-range';

/** What names of refs say under `--ref-semver`, `--ref-pattern` and `--ref-order`. */
export interface NameRules {
  /** @returns undefined for a ref that the pattern does not match */
  read(full: string): Named | undefined;
  /** What can be said of any ref. */
  nameOf(full: string): Named;
  /** Why a ref that the pattern matches is not followed; undefined: it may be. */
  unfit(named: Named): Unfit | undefined;
  /** Positive when `a` is newer. Never 0 for two refs. */
  compare(a: Named, b: Named): number;
}

const SYNTAX = { least: 0, questionMark: true } as const;
const HEADS = 'refs/heads/';
const TAGS = 'refs/tags/';

/** Full globs of the refs that are meant; short ones mean branches and tags, and a range alone means tags. */
function globsOf({ pattern }: NewestTarget): readonly string[] {
  if (pattern === undefined) return [`${TAGS}*`];
  return pattern.startsWith('refs/') ? [pattern] : [`${HEADS}${pattern}`, `${TAGS}${pattern}`];
}

function shorten(full: string): string {
  for (const prefix of [HEADS, TAGS]) if (full.startsWith(prefix)) return full.slice(prefix.length);
  return full;
}

/**
 * Where the version begins in the names that a glob matches: at its first wildcard, or at the digits, with a `v` before
 * them, that stand there: in `chart-1.*` behind the hyphen.
 */
function beginningOfVersion(glob: string): number {
  return literalPrefix(glob, SYNTAX.questionMark).replace(/[vV]?\d[\d.]*$/, '').length;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Names in alphabetical order; of a branch and a tag with the same name the tag is last. */
function compareNames(a: Named, b: Named): number {
  return compareTexts(a.short, b.short) || compareTexts(a.full, b.full);
}

function nameRules(target: NewestTarget): NameRules {
  const globs = globsOf(target).map((glob) => ({
    matches: compileGlob(glob, SYNTAX),
    versionAt: beginningOfVersion(glob),
  }));
  const range = target.semver === undefined ? undefined : parseVersionRange(target.semver);
  const needsVersion = target.semver !== undefined || target.order === 'version';
  return {
    read: (full) => {
      const glob = globs.find(({ matches }) => matches(full));
      if (!glob) return undefined;
      const version = needsVersion ? parseVersion(full.slice(glob.versionAt)) : undefined;
      return { full, short: shorten(full), version };
    },
    nameOf: (full) => ({ full, short: shorten(full), version: undefined }),
    unfit: ({ version }) => {
      if (!needsVersion) return undefined;
      if (!version) return 'no-version';
      return target.semver === undefined || range?.includes(version) ? undefined : 'out-of-range';
    },
    compare: (a, b) => {
      const byVersion = target.order === 'version' && a.version && b.version && compareVersions(a.version, b.version);
      return byVersion || compareNames(a, b);
    },
  };
}

/**
 * Follows the newest of the refs that a rule names.
 * @param dates needed where the date of the commit decides
 */
export function chooseNewest(target: NewestTarget, dates?: DateSource): RefChoice {
  const { requested, pattern, semver, order } = target;
  const rules = nameRules(target);
  const covers = (name: string): boolean => {
    const named = rules.read(name);
    return named !== undefined && rules.unfit(named) === undefined;
  };
  const text = JSON.stringify([pattern, semver, order, dates?.id]);
  return {
    id: createHash('sha256').update(text).digest('hex'),
    requested,
    questions: globsOf(target).map((glob) => `${literalPrefix(glob, SYNTAX.questionMark)}*`),
    names: undefined,
    covers,
    isBefore: (name, other) => {
      if (order === 'committed' && covers(name)) return undefined;
      const [one, two] = [rules.read(name), rules.read(other)];
      return one !== undefined && two !== undefined && covers(name) && rules.compare(one, two) > 0;
    },
    collect: () => {
      const byName = new NewestCollector(target, rules);
      return dates ? new CommittedCollector(byName, covers, dates) : byName;
    },
  };
}
