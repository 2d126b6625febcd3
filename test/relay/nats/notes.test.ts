import { expect, test } from 'vitest';
import { NoteBook } from '../../../src/relay/nats/notes.ts';
import { at } from '../../kit/relay-fakes.ts';

const noted = (digit: string, revision: number) => ({ ref: at('refs/heads/main', digit), revision });

test('what was read stays as it was then, whatever is noted, or lost, afterwards', () => {
  const book = new NoteBook();
  book.set('refs/heads/main', noted('1', 1));
  const first = book.notes;
  book.set('refs/heads/main', noted('2', 2));
  const second = book.notes;
  book.clear();
  expect([first, second, book.notes].map((notes) => notes.get('refs/heads/main')?.revision)).toEqual([1, 2, undefined]);
});

test('what is read again and again without a change is one and the same', () => {
  const book = new NoteBook();
  book.set('refs/heads/main', noted('1', 1));
  expect(book.notes).toBe(book.notes);
});
