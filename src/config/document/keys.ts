import { suggest } from '../suggest.ts';
import type { Problems } from './problems.ts';
import { SECTION_NAMES, sectionKey, sectionRows, UNIT_KINDS, unitRows } from './rows.ts';
import type { TreeEntry, TreeMap, TreeNode } from './tree.ts';

/** Where a misplaced key belongs; undefined when nowhere. */
function rightPlace(key: string, allowed: readonly string[]): string | undefined {
  const bare = key.replace(/^-+/, '');
  if (bare !== key && allowed.includes(bare)) return `write ${bare}, without dashes`;
  for (const section of SECTION_NAMES) {
    const row = sectionRows(section).find(({ name }) => name === bare);
    if (!row) continue;
    const short = sectionKey(section, row);
    return allowed.includes(short)
      ? `write ${short} here`
      : `it is about the whole process: write ${short} below ${section} at the top`;
  }
  const kinds = UNIT_KINDS.filter((kind) => unitRows(kind).some(({ name }) => name === bare));
  return kinds.length > 0 ? `it is an option of ${kinds.join(' and ')}` : undefined;
}

/** A key that looks like one may be shown; anything else may be a value in the wrong place. */
function shown(key: string): string {
  return /^[\w-]{1,40}$/.test(key) ? key : 'this key';
}

/** What is wrong with a key that is not among `allowed`. */
function unknownKey(key: string, allowed: readonly string[], where: string): string {
  const place = rightPlace(key, allowed);
  if (place !== undefined) return `${shown(key)} does not belong ${where}: ${place}`;
  const nearest = suggest(key.toLowerCase().replaceAll('_', '-'), allowed);
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return `${shown(key)} is not known ${where}${hint}`;
}

/** The entries of `map` whose keys are among `allowed`; the others are among the problems. */
export function knownEntries(
  map: TreeMap,
  allowed: readonly string[],
  where: string,
  problems: Problems,
): readonly TreeEntry[] {
  return map.entries.filter(({ key, keyAt }) => {
    const isKnown = allowed.includes(key);
    if (!isKnown) problems.add(keyAt, unknownKey(key, allowed, where));
    return isKnown;
  });
}

/** The mapping that must stand at `where`; an empty one where there is nothing. */
export function asMap(node: TreeNode, what: string, problems: Problems): TreeMap {
  if (node.kind === 'map') return node;
  if (node.kind !== 'nothing') problems.add(node.at, `${what} must be a mapping: lines of \`key: value\``);
  return { kind: 'map', entries: [], at: node.at, size: 1 };
}
