import { resolve } from 'node:path';
import { isInside } from '../../platform/paths.ts';
import type { Clash } from './clashes.ts';
import type { LoadedUnit, SyncUnit } from './loaded-document.ts';

/** A directory in which a unit works, and what it is to the unit. */
export interface WorkPlace {
  readonly unit: LoadedUnit;
  readonly path: string;
  readonly what: string;
}

/** The directory that a sync keeps, and the file that says what is in it. */
function placesOfInto(unit: SyncUnit): readonly (WorkPlace & { readonly unit: SyncUnit })[] {
  const { into } = unit.config;
  if (!into) return [];
  const { directory, revisionFile } = into;
  const file = revisionFile === undefined ? undefined : resolve(directory, revisionFile);
  return [
    { unit, path: directory, what: 'into' },
    ...(file === undefined ? [] : [{ unit, path: file, what: 'revision-file' }]),
  ];
}

/**
 * The directory that a sync keeps (`into`) is its own: no other unit writes in it, and it lies in no directory of
 * another unit. The same holds for `revision-file`. With its own root and link the options of the sync alone are
 * checked already (`whyNotInto`).
 */
export function intosThatClash(syncs: readonly SyncUnit[], others: readonly WorkPlace[]): readonly Clash[] {
  const intos = syncs.flatMap(placesOfInto);
  return intos.flatMap(({ unit: one, path, what: own }, index) =>
    [...intos.slice(index + 1), ...others]
      .filter(({ unit, path: other }) => unit !== one && (isInside(path, other) || isInside(other, path)))
      .map(({ unit: other, path: place, what }) => ({
        one,
        other,
        why: `cannot work: the ${what} of ${other.name}, ${place}, and the ${own} of ${one.name}, ${path}, are one place or lie in each other`,
      })),
  );
}
