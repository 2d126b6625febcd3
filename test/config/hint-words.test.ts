import { describe, expect, test } from 'vitest';
import { detectCompat } from '../../src/config/detect-compat.ts';
import { hintFor } from '../../src/config/hint-words.ts';
import { load } from '../../src/config/load.ts';
import type { CompatMode, OptionDefinition } from '../../src/config/option.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { CASE_HINTS } from '../../src/model/case-hints.ts';
import { SidecarError } from '../../src/model/error.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/model/error-codes.ts';

const HINTS: readonly (readonly [string, ErrorCode, string])[] = [
  ...Object.entries(ERROR_CODES).map(([code, { hint }]) => [code, code as ErrorCode, hint] as const),
  ...Object.entries(CASE_HINTS).map(([name, { code, hint }]) => [`${code}, case ${name}`, code, hint] as const),
];

/** Where nobody says otherwise, what a mode is given: nothing that only the other has. */
const PLAIN: Readonly<Record<CompatMode, Record<string, string>>> = {
  v4: { GITSYNC_REPO: 'https://h/r', GITSYNC_ROOT: '/r' },
  v3: { GIT_SYNC_REPO: 'https://h/r', GIT_SYNC_ROOT: '/r', GIT_SYNC_BRANCH: 'main' },
  'v3.1': { GIT_SYNC_REPO: 'https://h/r', GIT_SYNC_ROOT: '/r', GITSYNC_COMPAT: 'v3.1' },
};

const hintIn = (mode: CompatMode, code: ErrorCode, hint: string, env: Record<string, string> = PLAIN[mode]): string => {
  const { settings, compat } = load('sync', [], env);
  expect(compat.mode).toBe(mode);
  return hintFor(new SidecarError(code, { op: 'x', detail: 'y', hint }), settings);
};

/** Rows that a mode has; run and relay speak v4 whatever the variables are. */
function rowsOf(mode: CompatMode, code: ErrorCode): readonly OptionDefinition[] {
  if (/^ERR_(?:RUN|RELAY|NATS)/.test(code)) return OPTIONS;
  return OPTIONS.filter(({ since }) => mode === 'v4' || (since !== '4' && since !== '4.next'));
}

describe.each(['v4', 'v3', 'v3.1'] as const)('in %s mode', (mode) => {
  test.each(HINTS)(
    'the hint of %s names only what this mode has, and following it changes no mode',
    (_name, code, hint) => {
      const text = hintIn(mode, code, hint);
      const rows = rowsOf(mode, code);
      const flags = [...text.matchAll(/--([a-z][a-z-]+)/g)].map(([, name = '']) => name);
      const explained = flags.filter((name) => name !== 'help');
      for (const name of explained) {
        expect(
          rows.some((row) => row.name === name && !row.envOnly),
          `--${name} in: ${text}`,
        ).toBe(true);
        if (/^ERR_(?:RUN|RELAY|NATS)/.test(code)) continue;
        const v3 = { GIT_SYNC_REPO: 'x', GIT_SYNC_BRANCH: 'main' };
        if (mode !== 'v4') expect(detectCompat([`--${name}=1`], v3).mode, `--${name} in: ${text}`).toBe('v3');
      }
      for (const [variable] of text.matchAll(
        /\b(?:GITSYNC|GIT_SYNC|GIT_(?:SSH_KEY|SSH_KNOWN|KNOWN|COOKIE|ASKPASS))_\w+/g,
      )) {
        if (variable === 'GIT_SSH_COMMAND') continue;
        const known = rows.flatMap((row) => (mode === 'v4' ? row.env : [row.v3Env ?? row.env[0] ?? '']));
        expect(known, `${variable} in: ${text}`).toContain(variable);
      }
    },
  );
});

test('a v3 Pod is told of v3’s variable and flag, never of v4’s', () => {
  const { hint } = ERROR_CODES.ERR_TOO_MANY_FAILURES;
  expect(hintIn('v3', 'ERR_TOO_MANY_FAILURES', hint)).toContain('`--max-sync-failures` (GIT_SYNC_MAX_SYNC_FAILURES)');
  expect(hintIn('v4', 'ERR_TOO_MANY_FAILURES', hint)).toContain('`--max-failures`');
});

test('the spelling that the user has used is the one that is named, and the old one where that overrules the new', () => {
  const { hint } = ERROR_CODES.ERR_TOO_MANY_FAILURES;
  const said = (more: Record<string, string>): string =>
    hintIn('v4', 'ERR_TOO_MANY_FAILURES', hint, { ...PLAIN.v4, ...more });
  expect(said({ GITSYNC_MAX_FAILURES: '3' })).toContain('`GITSYNC_MAX_FAILURES`');
  expect(said({ GITSYNC_MAX_FAILURES: '3', GIT_SYNC_MAX_SYNC_FAILURES: '5' })).toContain(
    '`GIT_SYNC_MAX_SYNC_FAILURES`',
  );
});
