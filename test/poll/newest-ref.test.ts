import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewestTarget } from '../../src/config/sync-config.ts';
import { type Oid, parseOid } from '../../src/model/oid.ts';
import type { AdvertisedRef } from '../../src/model/ref.ts';
import { chooseNewest } from '../../src/poll/newest-ref.ts';
import { collectOne } from '../../src/poll/ref-choice.ts';

/** npm's library, by which the choice is judged. */
const semver = createRequire(import.meta.url)('semver') as {
  valid(text: string): string | null;
  satisfies(version: string, range: string): boolean;
  validRange(text: string): string | null;
  compareBuild(a: string, b: string): number;
};

const OID = parseOid('a'.repeat(40)) as Oid;
const refOf = (name: string): AdvertisedRef => ({ name, oid: OID });

const target = (rule: Partial<NewestTarget>): NewestTarget => {
  return { kind: 'newest', requested: 'it', pattern: undefined, semver: undefined, order: 'version', ...rule };
};

function choose(rule: Partial<NewestTarget>, ...names: string[]): string | undefined {
  return collectOne(chooseNewest(target(rule)), names.map(refOf)).chosen?.name;
}

/** Versions close to each other, so that ranges and ties matter. */
const digits = fc.constantFrom('0', '1', '2', '10', '007', '99999999999999999999');
const identifier = fc.constantFrom('0', '1', '10', '01', 'a', 'b', 'rc', 'rc1', '-', 'x-y');
const tag = fc
  .record({
    v: fc.constantFrom('', 'v', 'V', 'release-', '='),
    numbers: fc.array(digits, { minLength: 2, maxLength: 4 }),
    pre: fc.array(identifier, { maxLength: 3 }),
    build: fc.array(identifier, { maxLength: 2 }),
  })
  .map(({ v, numbers, pre, build }) => {
    const tail = `${pre.length > 0 ? `-${pre.join('.')}` : ''}${build.length > 0 ? `+${build.join('.')}` : ''}`;
    return `${v}${numbers.join('.')}${tail}`;
  });
const version = fc.constantFrom('0', '1', '1.2', '1.x', '1.2.0', '1.0.1', '2.0.0-rc', '1.0.0-a.1', '10.2.1', '*');
const comparator = fc
  .tuple(fc.constantFrom('', '>', '>=', '<', '<=', '=', '^', '~'), version)
  .map((all) => all.join(''));
const range = fc
  .array(fc.array(comparator, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 })
  .map((alternatives) => alternatives.map((all) => all.join(' ')).join(' || '));

/** The newest by npm's library, looking at each of them. */
function bruteForce(text: string, names: readonly string[]): string | undefined {
  const fit = names.flatMap((name) => {
    const bare = /^refs\/tags\/[vV]?(\d.*)$/.exec(name)?.[1];
    return bare !== undefined && semver.valid(bare) && semver.satisfies(bare, text) ? [{ name, bare }] : [];
  });
  fit.sort((a, b) => semver.compareBuild(a.bare, b.bare) || (a.name < b.name ? -1 : 1));
  return fit.at(-1)?.name;
}

describe('the newest tag in a range', () => {
  test('is the one that npm’s library finds by looking at each of them, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.uniqueArray(tag, { maxLength: 30 }), range, (tags, text) => {
        fc.pre(semver.validRange(text) !== null);
        const names = tags.map((name) => `refs/tags/${name}`);
        const expected = bruteForce(text, names);
        expect(choose({ semver: text }, ...names)).toBe(expected);
        expect(choose({ semver: text }, ...[...names].reverse())).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    [
      'a release is newer than its pre-releases, which only a range that names them takes',
      '*',
      ['v1.0.0', 'v1.1.0-rc.1'],
      'v1.0.0',
    ],
    [
      'a range that names a pre-release takes those of that release',
      '>=1.1.0-0',
      ['v1.0.0', 'v1.1.0-rc.1'],
      'v1.1.0-rc.1',
    ],
    ['numbers are compared as numbers', '*', ['v1.9.0', 'v1.10.0'], 'v1.10.0'],
    ['build metadata decides between equal versions', '*', ['1.0.0', '1.0.0+2', '1.0.0+10'], '1.0.0+10'],
    ['of the same version the name that is last in the alphabet wins', '*', ['v1.0.0', '1.0.0'], 'v1.0.0'],
    ['a tag with fewer numbers is no version: such a tag mostly moves', '*', ['v2', 'v1.0.0', 'v1.5'], 'v1.0.0'],
    ['a tag that only ends in a version is another component’s', '*', ['v1.0.0', 'chart-9.0.0'], 'v1.0.0'],
  ])('%s', (_title, text, names, expected) => {
    expect(choose({ semver: text }, ...names.map((name) => `refs/tags/${name}`))).toBe(`refs/tags/${expected}`);
  });

  test('branches do not count, and refs of the server’s own neither', () => {
    const names = ['refs/heads/v3.0.0', 'refs/pull/v2.0.0', 'refs/tags/v1.0.0', 'refs/tags/a/v2.0.0', 'HEAD'];
    expect(choose({ semver: '*' }, ...names)).toBe('refs/tags/v1.0.0');
  });
});

describe('the newest ref of a pattern', () => {
  test.each([
    ['chart-*', '^1', ['chart-1.2.0', 'chart-1.10.0', 'chart-2.0.0', 'chart-api-1.99.0', 'v1.50.0'], 'chart-1.10.0'],
    ['v1.*', '>=1.2', ['v1.2.0', 'v1.3.0', 'v2.0.0'], 'v1.3.0'],
    ['release/*', undefined, ['release/1.9', 'release/1.10', 'release/next', 'release/1.11/fix'], 'release/1.10'],
    ['release/**', undefined, ['release/1.9', 'release/x/1.10', 'release/2.0-rc1', 'release/2.0'], 'release/2.0'],
    ['20??.*', undefined, ['2023.12.31', '2024.05.01', '2024.04.30', '20245.1'], '2024.05.01'],
    ['app@*', '*', ['app@1.0.0', 'app@v1.1.0', 'lib@2.0.0'], 'app@v1.1.0'],
  ])('%s with the range %s', (pattern, text, names, expected) => {
    for (const place of ['refs/tags/', 'refs/heads/']) {
      const all = names.map((name) => `${place}${name}`);
      expect(choose({ pattern, semver: text }, ...all)).toBe(`${place}${expected}`);
      expect(choose({ pattern: `${place}${pattern}`, semver: text }, ...all)).toBe(`${place}${expected}`);
    }
  });

  test('a full name means these refs only', () => {
    const names = ['refs/heads/release/2', 'refs/tags/release/1', 'refs/for/release/3'];
    expect(choose({ pattern: 'refs/tags/release/*' }, ...names)).toBe('refs/tags/release/1');
    expect(choose({ pattern: 'release/*' }, ...names)).toBe('refs/heads/release/2');
    expect(choose({ pattern: 'refs/for/release/*' }, ...names)).toBe('refs/for/release/3');
  });

  test('by name, the last one in alphabetical order wins, and a tag over a branch of the same name', () => {
    const names = ['refs/tags/nightly-2', 'refs/heads/nightly-2', 'refs/tags/nightly-10'];
    expect(choose({ pattern: 'nightly-*', order: 'name' }, ...names)).toBe('refs/tags/nightly-2');
  });

  test('asks the server for no more than what begins like the pattern', () => {
    expect(chooseNewest(target({ semver: '*' })).questions).toEqual(['refs/tags/*']);
    const { questions } = chooseNewest(target({ pattern: 'release/1.*' }));
    expect(questions).toEqual(['refs/heads/release/1.*', 'refs/tags/release/1.*']);
  });
});

describe('what is said when nothing matches', () => {
  const absence = (rule: Partial<NewestTarget>, names: readonly string[]) =>
    collectOne(chooseNewest(target(rule)), names.map(refOf)).absence('https://h/r');

  test('names the newest versions, a few of the others, and how many more there are', () => {
    const versions = Array.from({ length: 100 }, (_, index) => `refs/tags/v1.${index}.0`);
    const error = absence({ semver: '>=2' }, ['refs/tags/latest', ...versions, 'refs/heads/main']);
    expect(error.code).toBe('ERR_REMOTE_NO_MATCH');
    expect(error.detail).toBe(
      'no ref of https://h/r matches: other versions are v1.99.0, v1.98.0, v1.97.0, v1.96.0, v1.95.0 and 95 more; no versions are latest',
    );
  });

  test('stays short and on one line, whatever the names are', () => {
    const names = Array.from({ length: 50 }, (_, index) => `refs/tags/\u001b[31m\u202e${'x'.repeat(5000)}${index}`);
    const { detail } = absence({ semver: '*' }, names);
    expect(detail.length).toBeLessThan(1000);
    expect(detail).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

test('a ref is known to be newer by its name before it exists, except by the date of its commit', () => {
  const [by, at] = ['refs/tags/v1.1.0', 'refs/tags/v1.0.0'];
  expect(chooseNewest(target({ semver: '<2' })).isBefore(by, at)).toBe(true);
  expect(chooseNewest(target({ semver: '<2' })).isBefore(at, by)).toBe(false);
  expect(chooseNewest(target({ semver: '<2' })).isBefore('refs/tags/v2.0.0', at)).toBe(false);
  expect(chooseNewest(target({ pattern: 'v*', order: 'committed' })).isBefore(at, by)).toBeUndefined();
  expect(chooseNewest(target({ pattern: 'v*', order: 'committed' })).isBefore('refs/heads/main', by)).toBe(false);
});
