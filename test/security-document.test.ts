import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const TEXT = readFileSync('SECURITY.md', 'utf8');
const PATHS = [
  ...new Set([...TEXT.matchAll(/[`[\s]((?:src|test|docs)\/[\w./-]+\.\w+)/g)].map((match) => match[1] ?? '')),
];
const SYMBOLS = [...TEXT.matchAll(/`(\w+)`(?:, `\w+`)* in `(src\/[^`]+)`/g)].map((match) => [
  match[1] ?? '',
  match[2] ?? '',
]);
/** Rows of tables: what somebody can do, what holds, which test shows it. */
const ROWS = TEXT.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:they|it) can \|/.test(line));

describe('SECURITY.md', () => {
  test.each(PATHS)('%s, which it names, exists', (path) => {
    expect(existsSync(path)).toBe(true);
  });

  test.each(SYMBOLS)('%s is defined in %s', (name, path) => {
    const definition = new RegExp(`export (?:async )?(?:function\\*?|class|const|interface) ${name}\\b`);
    expect(readFileSync(path as string, 'utf8')).toMatch(definition);
  });

  test('every promise names a test that holds it', () => {
    expect(ROWS.length).toBeGreaterThan(15);
    for (const row of ROWS.filter((each) => !each.includes('nothing: see')))
      expect(row, row).toMatch(/`test\/[\w./-]+\.test\.ts`/);
  });

  test('every source file that it names is named with what in it does the work', () => {
    const named = SYMBOLS.map(([, path]) => path);
    expect(PATHS.filter((path) => path.startsWith('src/') && !named.includes(path))).toEqual([]);
  });
});
