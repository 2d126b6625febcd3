import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../src/model/error.ts';
import { load, problemsOf, unitOf } from './kit.ts';

describe('anchors and merge keys', () => {
  const text = `
sync:
  - &first
    name: a
    repo: &repo https://h/r.git
    root: /git/a
    period: 33s
    ref: x
  - <<: *first
    name: b
    root: /git/b
    ref: y
  - <<: [{period: 44s, depth: 4}, *first]
    name: c
    repo: *repo
    root: /git/c
`;
  test('values are taken over, and what stands in the unit itself wins, before or behind', () => {
    const document = load(text);
    expect(unitOf(document, 'sync', 'b').config).toMatchObject({ periodMs: 33_000, target: { requested: 'y' } });
    expect(unitOf(document, 'sync', 'c').config).toMatchObject({
      periodMs: 44_000,
      depth: 4,
      target: { requested: 'x' },
    });
  });

  test('a value that was taken over has the place where it is written', () => {
    const wrong = text.replace('33s', '33');
    expect(new Set(problemsOf(wrong).map((line) => line.slice(0, 4)))).toEqual(new Set(['7:13']));
  });

  test.each([
    ['sync: *none', '1:7: no anchor of this name stands before this alias'],
    ['sync: &a [*a]', '1:11: an anchor cannot hold an alias of itself'],
    ['sync:\n  - <<: 1', '2:9: `<<` takes a mapping or a list of them'],
  ])('%s is refused', (source, problem) => expect(problemsOf(source)).toEqual([expect.stringContaining(problem)]));
});

describe('what is no YAML is refused with its place, and without its text', () => {
  test.each([
    ['password: *S3CRET', 1],
    ['password: !S3CRET', 1],
    ['password: @S3CRET', 1],
    ['password: "a" S3CRET', 1],
    ['password: %S3\n- S3CRET', 1],
    ['password: {S3CRET', 2],
    ['a: b\n  c: S3CRET\n d: S3CRET', 1],
    ['password: "\\S3CRET"', 1],
    ['a: |S3CRET\n x', 1],
    ['S3CRET\na: b', 1],
    ['&S3CRET &x a', 1],
    ['a: !!binary S3CRET', 1],
    ['%S3CRET x\n---\na', 1],
    ['a: b: S3CRET', 1],
    ['? S3CRET\nfoo', 1],
    ['a: 1\n---\nS3CRET: 1', 2],
    ['a: 1\n\tb: S3CRET', 2],
    ['"S3CRET', 1],
    ['password:S3CRET', 1],
    ['- S3CRET', 1],
    ['{S3CRET: {}: 1}', 1],
  ])('%j', (source) => {
    const problems = problemsOf(source);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(/^\d+:\d+: /);
    expect(problems.join('\n')).not.toContain('S3CRET');
  });

  test('an empty document says what a document has', () => {
    for (const source of ['', '# nothing\n', '---\n', 'null'])
      expect(problemsOf(source)).toEqual([
        '1:1: a document has the keys http, log, process, store, defaults, sync, run, relay',
      ]);
    expect(problemsOf('sync: []')).toEqual(['1:1: the document has no sync, no run and no relay']);
  });

  test('a key that is given twice', () => {
    expect(problemsOf('sync:\n - name: a\n   ref: b\n   ref: c')).toEqual(['4:4: this key stands in line 3 already']);
  });
});

describe('a hostile document costs bounded time and memory', () => {
  const M = 1024 * 1024;
  const laughs = (depth: number): string =>
    [
      'a0: &a0 [x,x,x,x,x,x,x,x,x]',
      ...Array.from({ length: depth }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`)}]`),
    ].join('\n');

  test.each<readonly [string, string, string]>([
    ['brackets', '['.repeat(M), 'nested deeper than 20 levels'],
    ['braces', '{'.repeat(M), 'nested deeper than 20 levels'],
    ['dashes', '- '.repeat(M / 2), 'nested deeper than 20 levels'],
    ['question marks', '? '.repeat(M / 2), 'nested deeper than 20 levels'],
    ['colons', ': '.repeat(M / 2), 'nested deeper than 20 levels'],
    [
      'indentation',
      Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      'nested deeper than 20 levels',
    ],
    ['commas', `[${','.repeat(M - 2)}`, 'more than 250000 words and signs'],
    ['keys', Array.from({ length: 130_000 }, (_, i) => `${i}:`).join('\n'), 'more than 250000 words and signs'],
    [
      'aliases',
      `a: &a x\n${Array.from({ length: 80_000 }, (_, i) => `k${i}: *a`).join('\n')}`,
      'more than 250000 words and signs',
    ],
    ['laughs', laughs(9), 'anchors stand for more than 100000 values'],
    ['laughs within a few levels', `${laughs(5)}\nsync: [*a4]`, 'anchors stand for more than 100000 values'],
    [
      'merges',
      `a: &a {${Array.from({ length: 5000 }, (_, i) => `k${i}: 1`)}}\nb:\n${'  - <<: *a\n'.repeat(5000)}`,
      'anchors stand for more than 100000 values',
    ],
    ['units', `sync: [${'{},'.repeat(1001)}]`, 'more than 1000 units'],
    ['an open quote', `"${'\\'.repeat(M - 1)}`, 'a quote, a bracket, a comma or a colon is missing'],
    ['an entry that begins too early', 'sync:\n  - name: a\n   repo: x\n', 'is the indentation right?'],
    ['NUL', '\0'.repeat(M), 'a document has the keys'],
  ])('%s', (_name, source, problem) => {
    expect(problemsOf(source).join('\n')).toContain(problem);
    expect(problemsOf(source).length).toBeLessThanOrEqual(21);
  });
});

describe('whatever the text is, it is a document or an error of ours', () => {
  const check = (text: string): void => {
    try {
      load(text, { env: { A: 'v' }, files: { '/etc/app/f': 'x' } });
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      expect(error.code).toMatch(/^ERR_DOCUMENT_/);
      for (const line of error.detail.split('\n'))
        expect(line).toMatch(/^(?:\/etc\/app\/git\.yaml:\d+:\d+: \S|and \d+ more$)/);
    }
  };

  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 500 });
  });

  test('signs of YAML in any order', () => {
    const sign = fc.constantFrom(
      ...[
        '\n',
        '\n  ',
        ' ',
        ': ',
        '- ',
        '&a ',
        '*a',
        '<<',
        '[',
        ']',
        '{',
        '}',
        ',',
        '"',
        "'",
        '|',
        '>',
        '#',
        '? ',
        '!',
        '%',
        '@',
        '`',
        '~',
        '${A}',
        '$',
        'file:f',
        'sync',
        'name',
        'run',
        'http',
        '1',
        '---\n',
        '\t',
        '\r',
        '\uFEFF',
      ],
    );
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 60 }), (signs) => check(signs.join(''))),
      { numRuns: 1000 },
    );
  });

  test('any value in any place of a document', () => {
    const value = fc.anything({ maxDepth: 2, withDate: false });
    const text = fc.tuple(
      fc.constantFrom('http', 'log', 'process', 'defaults', 'sync', 'run', 'relay'),
      value,
      value,
      value,
    );
    const json = (each: unknown): string =>
      JSON.stringify(each, (_key, inner) => (typeof inner === 'bigint' ? Number(inner) : inner)) ?? 'null';
    fc.assert(
      fc.property(text, ([key, one, two, three]) => {
        check(`${key}: ${json(one)}`);
        check(
          `${key}: [{name: a, repo: ${json(one)}, root: ${json(two)}, link: ${json(three)}, command: ${json(one)}, from: ${json(two)}, allow: ${json(three)}}]`,
        );
        check(
          `${key}: {bind: ${json(one)}, verbose: ${json(two)}, period: ${json(three)}, sync-on-signal: ${json(one)}}`,
        );
      }),
      { numRuns: 150 },
    );
  });
});
