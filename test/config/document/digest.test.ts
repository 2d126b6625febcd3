import { describe, expect, test } from 'vitest';
import { SECTION_NAMES, sectionKey, sectionRows, UNIT_KINDS, unitRows } from '../../../src/config/document/rows.ts';
import { SidecarError } from '../../../src/model/error.ts';
import { load, sync, unitOf } from './kit.ts';
import { sampleOf } from './samples.ts';

type Source = Readonly<Record<string, unknown>>;

const BASE: Readonly<Record<string, Source>> = {
  sync: { name: 'one', repo: 'https://h/r.git', root: '/git' },
  run: { name: 'one', link: '/pub/link', command: ['app'] },
  relay: { name: 'one', root: '/mirrors', 'http-bind': ':80', allow: 'https://x/*' },
};
const digests = (source: unknown, surroundings = {}): Record<string, string> =>
  Object.fromEntries(load(source, surroundings).units.map(({ name, digest }) => [name, digest]));

describe('the digest of a unit changes with every option of it', () => {
  test.each(UNIT_KINDS.flatMap((kind) => unitRows(kind).map((row) => [kind, row.name, row] as const)))(
    '%s: %s',
    (kind, name, row) => {
      const { [name]: own, ...others } = sampleOf(row);
      const digestOf = (options: Source): string | undefined => {
        try {
          return digests({ http: { bind: ':9' }, [kind]: [{ ...BASE[kind], ...options }] }).one;
        } catch (error) {
          // An option may need the other one, and some are not for v4.
          if (error instanceof SidecarError) return undefined;
          throw error;
        }
      };
      const changed = digestOf({ ...others, [name]: own });
      if (changed === undefined) expect(name).toBe('change-permissions');
      else expect(changed).not.toBe(digestOf(others));
    },
  );

  test('and with what is no option: the name, the command, the link that is followed', () => {
    const document = (link: string, run: Source): Source => ({
      sync: [sync('a', { link }), sync('b')],
      run: [{ name: 'app', from: 'a', command: ['x'], ...run }],
    });
    const before = digests(document('l', {})).app;
    expect(digests(document('l', { command: ['x', 'y'] })).app).not.toBe(before);
    expect(digests(document('l', { from: 'b' })).app).not.toBe(before);
    expect(digests(document('m', {})).app).not.toBe(before);
    expect(digests(document('l', { name: 'app' })).app).toBe(before);
  });

  test('and with the content of a file and the text of a variable', () => {
    const source = {
      sync: [sync('a', { username: 'u', password: 'file:f' }), sync('b', { ref: '${REF}' }), sync('c')],
    };
    const given = (f: string, REF: string): Record<string, string> =>
      digests(source, { files: { '/etc/app/f': f }, env: { REF } });
    const before = given('x', 'v1');
    expect(given('x', 'v1')).toEqual(before);
    expect(given('y', 'v1')).toEqual({ ...before, a: expect.not.stringMatching(before.a ?? '') });
    expect(given('x', 'v2')).toEqual({ ...before, b: expect.not.stringMatching(before.b ?? '') });
  });
});

describe('it stays when the unit stays what it is', () => {
  const before = digests({ sync: [sync('a', { period: '10s' })], run: [{ name: 'app', from: 'a', command: 'x' }] });

  test.each<readonly [string, unknown]>([
    [
      'other words for the same',
      { sync: [sync('a', { period: '10000ms' })], run: [{ name: 'app', command: 'x', from: 'a' }] },
    ],
    [
      'a default that says the same',
      { defaults: { period: '10s' }, sync: [sync('a')], run: [{ name: 'app', from: 'a', command: 'x' }] },
    ],
    [
      'comments and places',
      '# x\n\nsync:\n  - {root: /git/a, name: a, repo: "https://git.example/a.git"}\nrun:\n  - {name: app, from: a, command: x}\n',
    ],
    [
      'other units',
      {
        sync: [sync('b'), sync('a')],
        run: [
          { name: 'app', from: 'a', command: 'x' },
          { name: 'z', from: 'b', command: 'x' },
        ],
      },
    ],
    [
      'other logs',
      {
        log: { verbose: 5, format: 'json' },
        process: { 'add-user': true, 'sync-on-signal': 'USR1' },
        sync: [sync('a')],
        run: [{ name: 'app', from: 'a', command: 'x' }],
      },
    ],
  ])('%s', (_name, source) => expect(digests(source)).toMatchObject(before));

  test('a run is not concerned by what else changes in the sync that it follows', () => {
    expect(digests({ sync: [sync('a', { period: '5s' })], run: [{ name: 'app', from: 'a', command: 'x' }] }).app).toBe(
      before.app,
    );
  });

  test.each(SECTION_NAMES.flatMap((section) => sectionRows(section).map((row) => [section, row.name, row] as const)))(
    '%s: %s is about the process and no unit',
    (section, _name, row) => {
      const rows = new Map(sectionRows(section).map((each) => [each.name, each]));
      const given = Object.entries(sampleOf(row)).map(
        ([name, value]) => [sectionKey(section, rows.get(name) ?? row), value] as const,
      );
      const base = section === 'http' ? { bind: ':1' } : {};
      const of = (values: object): string | undefined =>
        digests({ [section]: { ...base, ...values }, sync: [sync('a')] }).a;
      expect(of(Object.fromEntries(given))).toBe(of({}));
    },
  );
});

test('what is built beside it is in the unit', () => {
  expect(unitOf(load({ sync: [sync('a')] }), 'sync', 'a')).toMatchObject({
    name: 'a',
    kind: 'sync',
    place: { line: 2, column: 5 },
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});
