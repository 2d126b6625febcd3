import { isInside } from '../../platform/paths.ts';
import type { Clash } from './clashes.ts';
import type { LoadedUnit, SyncUnit } from './loaded-document.ts';

/** A directory in which a unit works, and what it is to the unit. */
export interface WorkPlace {
  readonly unit: LoadedUnit;
  readonly path: string;
  readonly what: string;
}

/**
 * The directory that a sync keeps (`into`) is its own: no other unit writes in it, and it lies in no directory of
 * another unit. With its own root and link the options of the sync alone are checked already (`whyNotInto`).
 */
export function intosThatClash(syncs: readonly SyncUnit[], others: readonly WorkPlace[]): readonly Clash[] {
  const intos = syncs.flatMap((unit) =>
    unit.config.into ? [{ unit, path: unit.config.into.directory, what: 'into' }] : [],
  );
  return intos.flatMap(({ unit: one, path }, index) =>
    [...intos.slice(index + 1), ...others]
      .filter(({ unit, path: other }) => unit !== one && (isInside(path, other) || isInside(other, path)))
      .map(({ unit: other, path: place, what }) => ({
        one,
        other,
        why: `cannot work: the ${what} of ${other.name}, ${place}, and the into of ${one.name}, ${path}, are one directory or lie in each other`,
      })),
  );
}
