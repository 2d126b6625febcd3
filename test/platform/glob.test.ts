import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../src/platform/glob.ts';

const LEAST_0 = { least: 0, questionMark: true } as const;
const LEAST_1 = { least: 1, questionMark: false } as const;

/** The obvious way, which tries everything. */
function slowMatch(glob: string, name: string, { least, questionMark }: typeof LEAST_0 | typeof LEAST_1): boolean {
  if (glob === '') return name === '';
  const star = glob.startsWith('**') ? '**' : glob.startsWith('*') ? '*' : '';
  if (star !== '') {
    for (let length = least; length <= name.length; length += 1) {
      if (star === '*' && name.slice(0, length).includes('/')) return false;
      if (slowMatch(glob.slice(star.length), name.slice(length), { least, questionMark } as typeof LEAST_0))
        return true;
    }
    return false;
  }
  const isOne = questionMark && glob[0] === '?' ? name !== '' && name[0] !== '/' : glob[0] === name[0];
  return isOne && slowMatch(glob.slice(1), name.slice(1), { least, questionMark } as typeof LEAST_0);
}

describe('a glob', () => {
  test.each([LEAST_0, LEAST_1])('matches what trying everything finds: %j', (syntax) => {
    const glob = fc
      .array(fc.constantFrom('a', 'b', '/', '*', '**', '?', '.'), { maxLength: 8 })
      .map((all) => all.join(''));
    const name = fc.array(fc.constantFrom('a', 'b', '/', '.', '?'), { maxLength: 10 }).map((all) => all.join(''));
    fc.assert(
      fc.property(glob, name, (pattern, text) => {
        fc.pre(!pattern.includes('***'));
        expect(compileGlob(pattern, syntax)(text)).toBe(slowMatch(pattern, text, syntax));
      }),
      { numRuns: 5000 },
    );
  });

  test('that a regular expression would never be done with is answered', () => {
    const matches = compileGlob(`${'a*'.repeat(100)}b`, LEAST_0);
    const name = 'a'.repeat(20_000);
    expect(matches(name)).toBe(false);
    expect(matches(`${name}b`)).toBe(true);
  });
});
