import { describe, expect, test } from 'vitest';
import { bytesOfPath, pathFromJson, pathOfBytes, pathOfText, pathToJson } from '../../src/platform/byte-path.ts';
import { showLine, showPath } from '../../src/platform/show-path.ts';
import { ODD_NAMES } from '../kit/odd-names.ts';

describe('paths are bytes', () => {
  test('no name loses a byte, in memory or in JSON', () => {
    for (const name of ODD_NAMES) {
      const path = pathOfBytes(name);
      expect(bytesOfPath(path)).toEqual(name);
      expect(bytesOfPath(pathFromJson(JSON.parse(JSON.stringify(pathToJson(path)))))).toEqual(name);
    }
  });

  test('a name that is text is text in JSON, as earlier versions wrote it', () => {
    expect(pathToJson(pathOfText('dé/🦆'))).toBe('dé/🦆');
    expect(pathToJson(pathOfBytes(Buffer.from('d\xe9', 'latin1')))).toEqual({ hex: '64e9' });
  });

  test('different names show differently, each on one line, without control characters', () => {
    const shown = ODD_NAMES.map((name) => showPath(pathOfBytes(name)));
    expect(new Set(shown).size).toBe(ODD_NAMES.length);
    for (const text of shown) expect(text).not.toMatch(/\p{C}|\u2028|\u2029/u);
  });

  test.each([
    ['caf\xe9', 'caf\\xe9'],
    ['caf\xc3\xa9', 'café'],
    ['a\nb\t\\', 'a\\nb\\t\\\\'],
    ['\xc0\xaf\xed\xa0\x80', '\\xc0\\xaf\\xed\\xa0\\x80'],
    ['\x1b[31m', '\\x1b[31m'],
    ['\xe2\x80\xae', '\\u{202e}'],
  ])('%j shows as %s', (latin1, shown) => {
    expect(showPath(pathOfBytes(Buffer.from(latin1, 'latin1')))).toBe(shown);
  });

  test('text of a message stays on its line', () => {
    expect(showLine('a\nb\x1b]0;c\x07 \\n é')).toBe('a\\nb\\x1b]0;c\\x07 \\n é');
  });
});
