import type { LoadedDocument, LoadedUnit } from '../config/document/loaded-document.ts';

/** What has to be done to get from one document to another; names of units. */
export interface DocumentChanges {
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly unchanged: readonly string[];
}

function isSame(one: LoadedUnit, other: LoadedUnit): boolean {
  return one.kind === other.kind && one.digest === other.digest;
}

export function changesBetween(
  before: Pick<LoadedDocument, 'units'>,
  after: Pick<LoadedDocument, 'units'>,
): DocumentChanges {
  const [old, now] = [before, after].map(({ units }) => new Map(units.map((unit) => [unit.name, unit])));
  const names = [...(now?.keys() ?? [])];
  const isKept = (name: string): boolean => {
    const [one, other] = [old?.get(name), now?.get(name)];
    return one !== undefined && other !== undefined && isSame(one, other);
  };
  return {
    removed: [...(old?.keys() ?? [])].filter((name) => !now?.has(name)),
    changed: names.filter((name) => old?.has(name) && !isKept(name)),
    added: names.filter((name) => !old?.has(name)),
    unchanged: names.filter(isKept),
  };
}
