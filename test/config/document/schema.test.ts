import { describe, expect, test } from 'vitest';
import { TOP_KEYS } from '../../../src/config/document/load-document.ts';
import { OWN_KEYS } from '../../../src/config/document/own-keys.ts';
import { renderDocumentSchema } from '../../../src/config/document/render-document-schema.ts';
import {
  DEFAULT_ROWS,
  SECTION_NAMES,
  sectionKey,
  sectionRows,
  UNIT_KINDS,
  unitRows,
} from '../../../src/config/document/rows.ts';
import { problemsOf, sync } from './kit.ts';
import { sampleOf } from './samples.ts';

interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly writeOnly?: boolean;
}

const ROOT = renderDocumentSchema() as unknown as Schema & { readonly $defs: Readonly<Record<string, Schema>> };

function typeOf(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  return Number.isInteger(value) ? ['integer', 'number'] : [typeof value];
}

/** Whether `value` is valid; of JSON schema what ours uses. */
function isValid(schema: Schema, value: unknown): boolean {
  if (schema.$ref !== undefined) {
    const found = ROOT.$defs[schema.$ref.replace('#/$defs/', '')];
    return found !== undefined && isValid(found, value);
  }
  if (schema.anyOf && !schema.anyOf.some((each) => isValid(each, value))) return false;
  if ('const' in schema && schema.const !== value) return false;
  if (schema.enum && !schema.enum.includes(value)) return false;
  if (schema.type !== undefined && ![schema.type].flat().some((type) => typeOf(value).includes(type))) return false;
  if (schema.pattern !== undefined && typeof value === 'string' && !new RegExp(schema.pattern, 'u').test(value))
    return false;
  if (Array.isArray(value))
    return value.length >= (schema.minItems ?? 0) && value.every((each) => isValid(schema.items ?? {}, each));
  if (typeof value !== 'object' || value === null) return true;
  if (schema.required?.some((key) => !(key in value))) return false;
  return Object.entries(value).every(([key, each]) => {
    const property = schema.properties?.[key];
    return property ? isValid(property, each) : schema.additionalProperties !== false;
  });
}

describe('the schema takes what the program takes', () => {
  test('the same keys, everywhere', () => {
    const keys = (schema: Schema | undefined): string[] => Object.keys(schema?.properties ?? {}).sort();
    expect(keys(ROOT)).toEqual([...TOP_KEYS].sort());
    expect(keys(ROOT.properties?.defaults)).toEqual(DEFAULT_ROWS.map(({ name }) => name).sort());
    for (const section of SECTION_NAMES)
      expect(keys(ROOT.properties?.[section])).toEqual(
        sectionRows(section)
          .map((row) => sectionKey(section, row))
          .sort(),
      );
    for (const kind of UNIT_KINDS) {
      const more = OWN_KEYS[kind];
      expect(keys(ROOT.properties?.[kind]?.items)).toEqual([...more, ...unitRows(kind).map(({ name }) => name)].sort());
    }
  });

  test.each(UNIT_KINDS.flatMap((kind) => unitRows(kind).map((row) => [kind, row.name, row] as const)))(
    '%s: %s',
    (kind, _name, row) => {
      for (const [name, value] of Object.entries(sampleOf(row))) {
        const command = kind === 'run' ? { command: ['x'] } : {};
        for (const each of [value, '${X}', 'file:x'])
          expect(isValid(ROOT, { [kind]: [{ name: 'a', ...command, [name]: each }] }), `${name}: ${each}`).toBe(true);
      }
    },
  );

  test.each<readonly [string, unknown, boolean]>([
    ['period', '10s', true],
    ['period', '1h2m3.5s', true],
    ['period', 10, false],
    ['period', '10', false],
    ['period', 0, true],
    ['depth', 3, true],
    ['depth', '3', true],
    ['depth', 'x', false],
    ['lfs', true, true],
    ['lfs', 'true', true],
    ['lfs', 'yes', false],
    ['ref', 1.5, true],
    ['ref', ['x'], false],
    ['ssh-key-file', '/k', true],
    ['ssh-key-file', ['/k'], true],
    ['ssh-key-file', [['/k']], false],
    ['listen', ':80', false],
    ['name', 'A', false],
  ])('%s: %j is valid for both or for none', (name, value, valid) => {
    const document = { sync: [sync('a', { [name]: value })] };
    expect(isValid(ROOT, document)).toBe(valid);
    // The program goes on to look at what the values mean together.
    expect(problemsOf(document).some((line) => !/: sync a: /.test(line))).toBe(!valid);
  });
});

test('a value that lets somebody in is write-only', () => {
  const secret = Object.entries(ROOT.$defs)
    .filter(([, { writeOnly }]) => writeOnly)
    .map(([name]) => name);
  const expected = [...DEFAULT_ROWS]
    .filter((row) => row.secret !== undefined && row.secret !== 'name')
    .map(({ name }) => name);
  expect(secret.sort()).toEqual(expected.sort());
  expect(secret).toContain('password');
});
