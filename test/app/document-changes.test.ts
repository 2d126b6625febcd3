import { describe, expect, test } from 'vitest';
import { changesBetween } from '../../src/app/document-changes.ts';
import type { LoadedDocument } from '../../src/config/document/loaded-document.ts';

type Units = Pick<LoadedDocument, 'units'>;

const documentOf = (...units: readonly (readonly [string, string, string?])[]): Units =>
  ({ units: units.map(([name, digest, kind = 'sync']) => ({ name, digest, kind })) }) as unknown as Units;

describe('a document that was changed', () => {
  test('names what was removed, changed, added, and what stays as it is', () => {
    const before = documentOf(['a', '1'], ['b', '1'], ['c', '1'], ['d', '1']);
    const after = documentOf(['d', '1'], ['b', '2'], ['e', '1'], ['c', '1', 'run']);
    expect(changesBetween(before, after)).toEqual({
      removed: ['a'],
      changed: ['b', 'c'],
      added: ['e'],
      unchanged: ['d'],
    });
  });

  test('that only puts its units in another order touches none', () => {
    const changes = changesBetween(documentOf(['a', '1'], ['b', '2']), documentOf(['b', '2'], ['a', '1']));
    expect([changes.removed, changes.changed, changes.added]).toEqual([[], [], []]);
  });
});
