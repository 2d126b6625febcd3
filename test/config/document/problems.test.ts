import { describe, expect, test } from 'vitest';
import { explainDocument } from '../../../src/config/document/explain-document.ts';
import { SECTION_NAMES, sectionKey, sectionRows, UNIT_KINDS, unitRows } from '../../../src/config/document/rows.ts';
import type { OptionDefinition } from '../../../src/config/option.ts';
import { SidecarError } from '../../../src/model/error.ts';
import { load, problemsOf, sync } from './kit.ts';

describe('keys that are not known', () => {
  test.each<readonly [unknown, string]>([
    [{ syncs: [] }, '1:1: syncs is not known at the top of a document; did you mean sync?'],
    [{ http: { bnd: ':80' } }, '2:3: bnd is not known below http; did you mean bind?'],
    [{ http: { 'http-bind': ':80' } }, '2:3: http-bind does not belong below http: write bind here'],
    [{ log: { verbosity: 3 } }, '2:3: verbosity is not known below log; did you mean verbose?'],
    [{ defaults: { perod: '3s' } }, '2:3: perod is not known below defaults; did you mean period?'],
    [{ defaults: { '--period': '3s' } }, '2:3: --period does not belong below defaults: write period, without dashes'],
    [
      { defaults: { 'http-bind': ':80' } },
      '2:3: http-bind does not belong below defaults: it is about the whole process: write bind below http at the top',
    ],
    [
      { sync: [{ ...sync('a'), Sync_Timeout: '3s' }] },
      '5:5: Sync_Timeout is not known in a sync; did you mean sync-timeout?',
    ],
    [{ sync: [{ ...sync('a'), listen: ':80' }] }, '5:5: listen does not belong in a sync: it is an option of run'],
    [
      { sync: [{ ...sync('a'), verbose: 3 }] },
      '5:5: verbose does not belong in a sync: it is about the whole process: write verbose below log at the top',
    ],
    [
      { sync: [{ ...sync('a'), 'sync-on-signal': 'HUP' }] },
      '5:5: sync-on-signal does not belong in a sync: it is about the whole process: write sync-on-signal below process at the top',
    ],
    [{ sync: [{ ...sync('a'), compat: 'v3' }] }, '5:5: compat is not known in a sync'],
    [{ sync: [{ ...sync('a'), 'S3 CRET: x': 1 }] }, '5:5: this key is not known in a sync'],
  ])('%j', (source, problem) => expect(problemsOf(source)[0]).toBe(problem));

  const wide = SECTION_NAMES.flatMap((section) =>
    sectionRows(section).map((row) => [row.name, section, sectionKey(section, row)] as const),
  );

  test.each(wide)('%s in a unit: the message says where it belongs', (name, section, key) => {
    expect(problemsOf({ sync: [{ ...sync('a'), [name]: 'x' }] })[0]).toContain(`write ${key} below ${section}`);
    expect(problemsOf({ defaults: { [name]: 'x' } })[0]).toContain(`write ${key} below ${section}`);
  });
});

describe('names of units', () => {
  test.each(['a', 'a-b', '0', 'x'.repeat(63)])('%s is one', (name) =>
    expect(problemsOf({ sync: [sync(name)] })).toEqual([]),
  );

  test.each(['A', '-a', 'a-', 'a_b', 'a b', 'a/b', '', 'x'.repeat(64)])('%j is none', (name) => {
    expect(problemsOf({ sync: [sync('a', { name })] })).toEqual([
      expect.stringContaining('name must have lower-case letters'),
    ]);
  });

  test('a name is used once, in all lists together', () => {
    const problems = problemsOf({ sync: [sync('a')], run: [{ name: 'a', from: 'a', command: 'x' }] });
    expect(problems).toEqual(['6:11: the name a is used in line 2 already']);
  });

  test('every unit needs one', () => {
    for (const kind of UNIT_KINDS)
      expect(problemsOf({ [kind]: [{}] })).toContain(`2:5: a ${kind} needs a name: \`name: …\``);
  });
});

describe('everything that is wrong is said at once', () => {
  test('in the order of the lines, with the unit', () => {
    const problems = problemsOf({
      http: { metrics: true },
      sync: [sync('a', { depth: 'x' }), sync('b', { 'git-gc': 'x' }), sync('c', { root: '' })],
      run: [
        { name: 'app', from: 'b', command: 'x' },
        { name: 'web', link: '/l', command: 'x', 'keep-releases': 1 },
      ],
    });
    expect(problems).toEqual([
      '1:1: http.bind must be set, for instance to :8080',
      '7:12: a: x'.replace('a: x', 'depth: "x" must be a whole number'),
      '11:13: git-gc: "x" must be one of auto, always, aggressive, off',
      '14:11: sync c: root must be set',
      '22:20: run web: keep-releases must be at least 2',
    ]);
  });

  test('up to twenty', () => {
    const problems = problemsOf({ sync: Array.from({ length: 30 }, (_, i) => sync(`s${i}`, { depth: 'x' })) });
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toBe('and 10 more');
  });

  test('a unit that cannot be read is not blamed again for what is missing then', () => {
    expect(problemsOf({ sync: [{ name: 'a', reppo: 'x', root: '/r' }] })).toEqual([
      '3:5: reppo is not known in a sync; did you mean repo?',
    ]);
  });

  test('the error has a code, the places and a next step', () => {
    try {
      load({ sync: [sync('a', { depth: 'x' })] });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SidecarError);
      expect(error).toMatchObject({
        code: 'ERR_DOCUMENT_INVALID',
        class: 'stop',
        problems: [{ place: { line: 5, column: 12 }, text: 'depth: "x" must be a whole number' }],
        hint: expect.stringContaining('docs/document.md'),
      });
    }
  });
});

/** Values of any option in which `S3CRET` may not be shown. */
const TEXTS = [
  'https://user:S3CRET@h.example/x',
  'https://user:p/S3CRET@h.example:x/y',
  'https://h/x?token=S3CRET',
  'nats://u:S3CRET@h:1',
];
const MORE: Readonly<Record<string, readonly string[]>> = {
  all: ['S3CRET', '{"url": S3CRET', '["S3CRET"]', '[{"S3CRET":1}]', '{"url":"https://S3CRET@h","username":"S3CRET"}'],
  address: ['S3CRET', 'https://h/services/S3CRET'],
  'git-settings': ['S3CRET', 'http.extraHeader:"Authorization: S3CRET', 'a:b:S3CRET,,'],
};
const secretsOf = ({ secret, type }: OptionDefinition): readonly string[] => {
  if (!['string', 'list', 'repeat'].includes(type)) return [];
  return [...TEXTS, ...(secret === true ? (MORE.all ?? []) : secret === undefined ? [] : (MORE[secret] ?? []))];
};

describe('a secret is in no error and in no explanation', () => {
  const env = { X: 'S3CRET' };
  const files = { '/etc/app/f': 'S3CRET' };
  const BASE: Readonly<Record<string, object>> = {
    sync: { name: 'a', repo: 'https://h/r', root: '/git' },
    run: { name: 'a', link: '/git/link', command: ['x', '--token=S3CRET'] },
    relay: { name: 'a', root: '/mirrors', 'http-bind': ':80', allow: 'https://h/*' },
  };

  /** All that a person sees of `source`. */
  const shown = (source: unknown): string => {
    try {
      return explainDocument(load(source, { env, files }));
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      return `${error.message}\n${String(error.cause)}\n${error.target}\n${error.hint}`;
    }
  };

  const cases = UNIT_KINDS.flatMap((kind) => unitRows(kind).map((row) => [kind, row.name, row] as const));

  test.each(cases)('%s: %s', (kind, name, row) => {
    // One from a file or a variable is a secret wherever it stands, and something is wrong beside it.
    const values = [...secretsOf(row), 'file:f', 'x${X:+y}', ...(row.secret === true ? ['${X}'] : [])];
    const forms = [...values, [values[0]], { 'https://user:S3CRET@h': values[0] }];
    for (const given of forms) {
      expect(shown({ [kind]: [{ ...BASE[kind], [name]: given }] })).not.toContain('S3CRET');
      expect(shown({ [kind]: [{ ...BASE[kind], [name]: given, depth: 'x', 'keep-releases': 0 }] })).not.toContain(
        'S3CRET',
      );
      expect(shown({ defaults: { [name]: given }, [kind]: [BASE[kind]] })).not.toContain('S3CRET');
    }
  });

  test('a variable in an error is shown by its name', () => {
    const source = {
      sync: [sync('a', { depth: '${X}' })],
      run: [{ name: 'r', link: '/l', command: 'x', 'stop-signal': '${X}' }],
    };
    expect(problemsOf(source, { env })).toEqual([
      '5:12: depth: "${X}" must be a whole number',
      '10:18: run r: stop-signal: "*****" is not a signal that can be caught',
    ]);
  });
});

test('an explanation names the place of every value', () => {
  const text = explainDocument(
    load(
      {
        http: { bind: ':80' },
        defaults: { period: '33s' },
        sync: [sync('a', { username: 'me', password: 'file:f', ref: 'file:f' })],
        run: [{ name: 'app', from: 'a', command: ['node', 'x.js'], listen: ':81' }],
      },
      { files: { '/etc/app/f': 'S3CRET' } },
    ),
  );
  const line = (name: string): string =>
    (text.split('\n').find((each) => each.trim().startsWith(`${name} `)) ?? '').trim().replace(/ +/g, ' ');
  expect(line('http.bind')).toBe('http.bind :80 /etc/app/git.yaml:2:9');
  expect(line('period')).toBe('period 33s /etc/app/git.yaml:4:11 (defaults)');
  expect(line('ref')).toBe('ref ***** /etc/app/git.yaml:11:10');
  expect(line('password')).toBe('password ***** /etc/app/git.yaml:10:15');
  expect(line('depth')).toBe('depth 1 default');
  expect(line('max-failures')).toBe('max-failures -1 default');
  expect(line('from')).toBe('from a /etc/app/git.yaml:13:5');
  expect(line('command')).toBe('command node … /etc/app/git.yaml:13:5');
  expect(text).toMatch(/^process\n[\s\S]*\nsync a\n[\s\S]*\nrun app\n/);
  expect(text).not.toContain('S3CRET');
});
