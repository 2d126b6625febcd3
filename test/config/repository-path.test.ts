import { expect, test } from 'vitest';
import { parseRepositoryPath } from '../../src/config/repository-path.ts';

test.each([
  ['', undefined],
  ['.', undefined],
  ['./', undefined],
  ['a', 'a'],
  ['a/', 'a'],
  ['./a//b/', 'a/b'],
  ['a/./b', 'a/b'],
  ['a/../b', 'b'],
  ['.github', '.github'],
  ['a.git', 'a.git'],
  [' ', ' '],
  ['...', '...'],
  ['ü/\u{1f600}', 'ü/\u{1f600}'],
])('%j means %j', (text, path) => {
  expect(parseRepositoryPath('--path', text)).toBe(path);
});

test.each([
  ['/', 'must be relative'],
  ['/a', 'must be relative'],
  ['..', 'must stay inside'],
  ['../a', 'must stay inside'],
  ['a/../..', 'must stay inside'],
  ['.git', 'no commit holds a .git'],
  ['a/.GIT/b', 'no commit holds a .git'],
  ['a\nb', 'no plain text'],
  ['a\0b', 'no plain text'],
  ['caf\u{fffd}', 'no plain text'],
])('%j is refused', (text, why) => {
  expect(() => parseRepositoryPath('--path', text)).toThrow(why);
});
