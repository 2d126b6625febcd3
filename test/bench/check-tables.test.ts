import { describe, expect, test } from 'vitest';
import { faultsOf } from '../../bench/check-tables.ts';
import { table } from '../../bench/statistics.ts';

const EXPECTED = { first: 'remote', rows: 1, words: ['program'] };
const textOf = (...cells: string[]): string =>
  `## A section\n\nWords.\n\n${table(['remote', 'program', 'ms'], [cells])}`;

describe('the tables of a bench', () => {
  test.each(['12', '1.5 / 3.0 (1 : 2.0)', '–', '(needs) 150 / 109 %', 'more than 256'])('%s is a number', (cell) => {
    expect(faultsOf(textOf('HTTPS', 'ours', cell), [EXPECTED])).toEqual([]);
  });

  test.each([
    ['NaN', 'table 1, row 1: “ms” has no value: NaN'],
    ['3 / undefined', 'table 1, row 1: “ms” has no value: 3 / undefined'],
    ['3 (1 : Infinity)', 'table 1, row 1: “ms” has no value: 3 (1 : Infinity)'],
    ['', 'table 1, row 1: “ms” is empty'],
    ['soon', 'table 1, row 1: “ms” is no number: soon'],
  ])('“%s” in the place of a number is a fault', (cell, fault) => {
    expect(faultsOf(textOf('HTTPS', 'ours', cell), [EXPECTED])).toEqual([fault]);
  });

  test('a missing row, cell or table, and another table, are faults', () => {
    const text = textOf('HTTPS', 'ours', '1');
    expect(faultsOf(text, [{ ...EXPECTED, rows: 2 }])).toEqual(['table 1 has 1 rows instead of 2']);
    expect(faultsOf(text, [EXPECTED, EXPECTED])).toEqual(['1 tables instead of 2']);
    expect(faultsOf(text, [{ ...EXPECTED, first: 'where' }])).toEqual([
      'table 1 begins with “remote” instead of “where”',
    ]);
    expect(faultsOf(textOf('HTTPS', '1'), [EXPECTED])).toEqual(['table 1, row 1: 2 cells below 3 heads']);
  });
});
