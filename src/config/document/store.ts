import { resolve } from 'node:path';
import { isInside } from '../../platform/paths.ts';
import { ownTrees, targets } from './clashes.ts';
import type { LoadedUnit, ShownStore } from './loaded-document.ts';
import type { Problems } from './problems.ts';
import type { Texts } from './texts.ts';
import type { TreeMap } from './tree.ts';

/** git reads the path of a store from a list with one path a line. */
const UNFIT = /[\p{Cc}]/u;

/** `store`: a directory, or nothing. */
export function readStore(top: TreeMap, texts: Texts, problems: Problems): ShownStore | undefined {
  const entry = top.entries.find(({ key }) => key === 'store');
  if (!entry) return undefined;
  const read = entry.value.kind === 'text' ? texts.plain(entry.value) : undefined;
  if (entry.value.kind !== 'text') problems.add(entry.value.at, 'store must be a directory');
  if (!read) return undefined;
  if (read.text === '' || UNFIT.test(read.text)) {
    problems.add(entry.value.at, 'store must be the path of a directory, in one line');
    return undefined;
  }
  return { directory: resolve(read.text), place: entry.value.at };
}

/** Directories of a unit in which things are removed, or in which others put things that would be. */
function ownPlaces(unit: LoadedUnit): readonly string[] {
  if (unit.kind === 'sync') return [...ownTrees(unit), ...(unit.config.into ? [unit.config.into.directory] : [])];
  if (unit.kind === 'relay') return [unit.config.root];
  const { stateDir } = unit.config;
  return [...(stateDir === undefined ? [] : [stateDir]), ...targets(unit)];
}

/** What is in the store may be removed, and so may what is in the trees of syncs, runs and relays: nothing is in both. */
export function findStoreClashes(
  { directory, place }: ShownStore,
  units: readonly LoadedUnit[],
  problems: Problems,
): void {
  for (const unit of units) {
    const own = ownPlaces(unit).find((path) => isInside(path, directory) || isInside(directory, path));
    if (own !== undefined)
      problems.add(place, `the store cannot be there: ${own} belongs to ${unit.kind} ${unit.name}`);
  }
}
