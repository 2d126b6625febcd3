import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isOfKind, SidecarError } from '../../src/model/error.ts';
import { ERROR_CODES, type ErrorCode, factsOf, isErrorCode } from '../../src/model/error-codes.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

/** Files outside the table, without their comments. */
function sources(): readonly (readonly [string, string])[] {
  return (readdirSync('src', { recursive: true }) as string[])
    .filter((path) => path.endsWith('.ts') && !path.startsWith('model/error'))
    .map((path) => [path, readFileSync(`src/${path}`, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*/gm, '')] as const);
}

/** A code that is compared, searched for, or one of a list. Tables that give an error its code are none of these. */
const DECISIONS: readonly RegExp[] = [
  /[!=]==?\s*['"`/]\^?ERR_/,
  /['"`]ERR_[A-Z_]*['"`]\s*[!=]==?/,
  /case\s+['"`]ERR_/,
  /(?:includes|startsWith|endsWith|has|match|indexOf)\(\s*['"`/]\^?ERR_/,
  /\/\^?ERR_[^/\n]*\/[a-z]*\.(?:test|exec)/,
  /\[\s*['"`]ERR_/,
  /,\s*['"`]ERR_[A-Z_]+['"`]\s*,?\s*\]/,
  /[{,]\s*['"`]?ERR_[A-Z_]+['"`]?\s*:/,
];

describe('what an error leads to is decided by the table', () => {
  test.each(sources())('%s neither lists nor compares codes', (_path, text) => {
    for (const pattern of DECISIONS) expect(text).not.toMatch(pattern);
  });

  test.each([
    "if (error.code === 'ERR_A_B') return;",
    "if ('ERR_A_B' !== code) return;",
    "switch (code) { case 'ERR_A_B': }",
    "if (code.startsWith('ERR_A')) return;",
    "const LIST = ['ERR_A_B', 'ERR_C_D'];",
    "new Set([\n  'ERR_A_B',\n])",
    'if (/^ERR_(?:A|B)/.test(code)) return;',
    'const ACTIONS = { ERR_A_B: 1 };',
  ])('the search finds %s', (text) => {
    expect(DECISIONS.some((pattern) => pattern.test(text))).toBe(true);
  });
});

test.each(CODES)('%s has a class, says what it means and what to do', (code) => {
  const error = new SidecarError(code, { op: 'try', detail: 'no' });
  expect(['retry', 'wait', 'veto', 'stop']).toContain(error.class);
  expect(factsOf(code).meaning).toMatch(/[.?]$/);
  expect(error.hint.length).toBeGreaterThan(10);
  expect(error.stage).toMatch(/^[a-z]+$/);
});

test('an error is of the kind that the table says, whoever it is about', () => {
  const facts = { op: 'ask', detail: 'no' };
  for (const code of ['ERR_REMOTE_UNREACHABLE', 'ERR_RELAY_UNREACHABLE'] as const)
    expect(new SidecarError(code, facts).is('no-answer')).toBe(true);
  expect(new SidecarError('ERR_INTERNAL', facts).is('no-answer', 'no-ref')).toBe(false);
  expect(isOfKind(new Error('ERR_REMOTE_REF'), 'no-ref')).toBe(false);
});

test('a code that another process sent is known or not, whatever it is called', () => {
  expect(isErrorCode('ERR_REMOTE_REF')).toBe(true);
  for (const said of ['ERR_OF_TOMORROW', 'toString', '__proto__', undefined, ['ERR_REMOTE_REF']])
    expect(isErrorCode(said)).toBe(false);
});
