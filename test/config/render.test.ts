import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { optionsOf } from '../../src/config/options.ts';
import { renderHelp } from '../../src/config/render-help.ts';
import { renderManual } from '../../src/config/render-man.ts';
import { parseSignal } from '../../src/config/signals.ts';
import { suggest } from '../../src/config/suggest.ts';
import { renderAll } from '../../src/docs/render-all.ts';
import { ERROR_CODES } from '../../src/model/error-codes.ts';
import { METRICS } from '../../src/serve/metrics-table.ts';

const SYNC = optionsOf('sync');

describe('texts made from the tables', () => {
  test.each(['v3.1', 'v3', 'v4'] as const)(
    '--help in %s mode lists every flag that is not hidden, with its variable',
    (mode) => {
      const text = renderHelp(mode, 'git-sync');
      const listed = SYNC.filter(
        (option) => !option.hidden && !option.envOnly && !(mode === 'v4' && option.replacedBy),
      );
      for (const option of listed) expect(text).toContain(`--${option.name}`);
      expect(text).toContain(mode === 'v4' ? '$GITSYNC_REPO' : '$GIT_SYNC_REPO');
    },
  );

  test('the manual has every option and the exit statuses', () => {
    const text = renderManual('v4', 'git-sync');
    for (const option of SYNC.filter((each) => !each.hidden && !each.envOnly))
      expect(text).toContain(`--${option.name}`);
    expect(text).toContain('EXIT STATUS');
  });

  test.each(Object.entries(renderAll()))('%s is up to date (npm run docs)', (path, text) =>
    expect(readFileSync(path, 'utf8')).toBe(text),
  );

  test('every error code and every metric is documented', () => {
    const docs = renderAll();
    for (const code of Object.keys(ERROR_CODES)) expect(docs['docs/errors.md']).toContain(`\`${code}\``);
    for (const name of Object.keys(METRICS)) expect(docs['docs/metrics.md']).toContain(`\`${name}\``);
  });

  test('every error code is used somewhere', async () => {
    const { readdirSync } = await import('node:fs');
    const source = (readdirSync('src', { recursive: true }) as string[])
      .filter((path) => path.endsWith('.ts') && !path.endsWith('error-codes.ts'))
      .map((path) => readFileSync(`src/${path}`, 'utf8'))
      .join('');
    for (const code of Object.keys(ERROR_CODES)) expect(source).toContain(`'${code}'`);
  });
});

test('the nearest name is suggested, a far one is not', () => {
  expect(suggest('perod', ['period', 'depth'])).toBe('period');
  expect(suggest('xyzzy', ['period', 'depth'])).toBeUndefined();
  expect(suggest('', ['period'])).toBeUndefined();
});

test('signals by name and number; those that nobody can catch are none', () => {
  expect([
    parseSignal('HUP'),
    parseSignal('SIGUSR1'),
    parseSignal('1'),
    parseSignal('KILL'),
    parseSignal('9'),
    parseSignal(''),
  ]).toEqual(['SIGHUP', 'SIGUSR1', 'SIGHUP', undefined, undefined, undefined]);
});
