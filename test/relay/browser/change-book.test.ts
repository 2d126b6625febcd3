import { describe, expect, test } from 'vitest';
import { ChangeBook } from '../../../src/relay/browser/change-book.ts';

const keys = (topics: readonly { readonly key: string }[] | undefined): string | undefined =>
  topics?.map(({ key }) => key).join('');

describe('the book of what changed', () => {
  test('holds nothing while nobody reads', () => {
    const book = new ChangeBook<number>();
    book.note('a', 1);
    expect(book.size).toBe(0);
    expect(book.hasNews(book.open())).toBe(false);
  });

  test('shows each thing once, as it is now, in the order of the last changes', () => {
    const book = new ChangeBook<number>();
    const reader = book.open();
    for (const [key, item] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      book.note(key, item);
    expect(book.take(reader, 10)).toEqual([
      { key: 'b', item: 2 },
      { key: 'a', item: 3 },
    ]);
    expect(book.take(reader, 10)).toEqual([]);
  });

  test('gives many changes in parts, and what changes meanwhile comes behind them', () => {
    const book = new ChangeBook<number>();
    const reader = book.open();
    for (const key of 'abcde') book.note(key, 1);
    expect(keys(book.take(reader, 2))).toBe('ab');
    book.note('a', 2);
    book.note('d', 2);
    expect(keys(book.take(reader, 2))).toBe('ce');
    expect(book.hasNews(reader)).toBe(true);
    expect(keys(book.take(reader, 9))).toBe('ad');
  });

  test('keeps what the slowest reader has not read, and forgets the rest', () => {
    const book = new ChangeBook<number>();
    const [quick, slow] = [book.open(), book.open()];
    book.note('a', 1);
    book.note('b', 1);
    book.take(quick, 9);
    expect(book.size).toBe(2);
    expect(keys(book.take(slow, 1))).toBe('a');
    expect(book.size).toBe(1);
    book.close(slow);
    expect(book.size).toBe(0);
  });

  test('a reader that is too far behind has to read everything, and goes on from there', () => {
    const book = new ChangeBook<number>(3);
    const reader = book.open();
    for (const key of 'abcd') book.note(key, 1);
    expect(book.size).toBe(3);
    expect(book.take(reader, 9)).toBeUndefined();
    book.note('e', 1);
    expect(keys(book.take(reader, 9))).toBe('e');
  });
});
