import { expect, test } from 'vitest';
import { isZeroOid, objectFormatOf, parseOid } from '../../src/model/oid.ts';
import { expandRef } from '../../src/model/ref.ts';

test('an oid is 40 or 64 hex digits, in either case of letters', () => {
  expect(parseOid('A'.repeat(40))).toBe('a'.repeat(40));
  expect(parseOid('b'.repeat(64))).toBe('b'.repeat(64));
  for (const text of ['', 'a'.repeat(39), 'a'.repeat(41), 'g'.repeat(40), ` ${'a'.repeat(40)}`])
    expect(parseOid(text)).toBeUndefined();
});

test('the object format follows from the length', () => {
  const oid = parseOid('0'.repeat(64));
  expect(oid && [objectFormatOf(oid), isZeroOid(oid)]).toEqual(['sha256', true]);
});

test('a short name stands for a tag before a branch', () => {
  const names = expandRef('x');
  expect(names.indexOf('refs/tags/x')).toBeLessThan(names.indexOf('refs/heads/x'));
  expect(names[0]).toBe('x');
});
