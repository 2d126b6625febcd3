import { describe, expect, test } from 'vitest';
import { parseGitConfig } from '../../src/config/git-config-grammar.ts';
import { SidecarError } from '../../src/model/error.ts';

const pairs = (text: string, quotedKeys = true): string[][] =>
  parseGitConfig(text, quotedKeys).map(({ key, value }) => [key, value]);

describe('compat 1.6 --git-config grammar', () => {
  test.each([
    ['a.b:c', [['a.b', 'c']]],
    [
      'a.b:c,d.e:f',
      [
        ['a.b', 'c'],
        ['d.e', 'f'],
      ],
    ],
    ['a.b:c,', [['a.b', 'c']]],
    ['a.b: c d ', [['a.b', ' c d ']]],
    ['a.b:"c,d"', [['a.b', 'c,d']]],
    ['a.b:"c\\"d\\\\e"', [['a.b', 'c"d\\e']]],
    ['a.b:""', [['a.b', '']]],
    [
      'a.b:"",c.d:e',
      [
        ['a.b', ''],
        ['c.d', 'e'],
      ],
    ],
    ['a.b:x"y"z', [['a.b', 'x"y"z']]],
    ['a.b:c:d:e', [['a.b', 'c:d:e']]],
    ['a.b:c\\nd\\te\\,f', [['a.b', 'c\nd\te,f']]],
    ['a.b:raw\nline', [['a.b', 'raw\nline']]],
    ['a.b:grüße ✓', [['a.b', 'grüße ✓']]],
    ['"url.https://x/.insteadOf":y', [['url.https://x/.insteadOf', 'y']]],
    ['"http.https://a,b/.proxy":z', [['http.https://a,b/.proxy', 'z']]],
    ['safe.directory:*', [['safe.directory', '*']]],
    [
      'safe.directory:/tmp/git,http.sslCAInfo:/x',
      [
        ['safe.directory', '/tmp/git'],
        ['http.sslCAInfo', '/x'],
      ],
    ],
    ['', []],
  ])('%j', (text, expected) => expect(pairs(text)).toEqual(expected));

  test.each([
    ',',
    ' ',
    'a.b:c,,d.e:f',
    'a.b',
    'a.b:',
    'k:',
    '"a.b" :c',
    '"a.b',
    'a.b:"c',
    'a.b:"c"d',
    'a.b:"c" ',
    'a.b:c\\x',
    'a.b:c\\',
    'nodot:x',
    'a b.c:d',
    '.b:c',
    'a.:c',
  ])('%j is refused with a typed error', (text) => {
    expect(() => parseGitConfig(text, true)).toThrow(SidecarError);
  });

  test('an unquoted key has no escapes', () => {
    expect(() => pairs('a\\,b.c:d')).toThrow(SidecarError);
  });

  test('v3 takes quotes around a key as part of it, and no such key exists', () => {
    expect(() => pairs('"a.b":c', false)).toThrow(SidecarError);
  });

  test('compat 9.11: a missing value does not swallow the next pair', () => {
    expect(() => pairs('a.b:,c.d:e')).toThrow(/no value for key "a.b"/);
  });

  test('compat 9.11: the first character of a value is an escape like any other', () => {
    expect(pairs('a.b:\\nx')).toEqual([['a.b', '\nx']]);
  });
});
