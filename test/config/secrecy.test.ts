import { describe, expect, test } from 'vitest';
import { renderExplanation } from '../../src/config/explain.ts';
import { FlagSyntaxError, parseV3Flags, parseV4Flags } from '../../src/config/flags.ts';
import type { OptionDefinition } from '../../src/config/option.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { holdsSecret, maskValue } from '../../src/config/secrecy.ts';
import { resolveSettings } from '../../src/config/settings.ts';

const ALL: readonly OptionDefinition[] = OPTIONS;
const TEXTS = ALL.filter(({ type }) => type === 'string' || type === 'list' || type === 'repeat');

/** Ways in which a value of any option may hold a secret; `S3CRET` is it. */
const ANYWHERE = [
  'https://user:S3CRET@h.example/x',
  'https://S3CRET@h.example/x',
  'https://user:p/S3CRET@h.example/x',
  'https://user:p@S3CRET@h.example/x',
  'nats://user:S3CRET@h:4222,nats://other:S3CRET@i:4222',
  'https://h.example/x?access_token=S3CRET&y=1',
  'POST http://user:S3CRET@127.0.0.1:80/reload',
];

/** What `--explain` says when `option` has this value. */
function explain(option: OptionDefinition, value: string): string {
  const settings = resolveSettings('v4', { uses: [{ option, value }], positional: [] }, {}, [option]);
  return renderExplanation({ compat: { mode: 'v4', reason: 'test' }, settings, notices: [] });
}

describe('--explain', () => {
  test.each(
    TEXTS.filter(({ hidden }) => !hidden).flatMap((option) =>
      ANYWHERE.map((value) => ({ option, value, name: option.name })),
    ),
  )('--$name does not show the secret of $value', ({ option, value }) => {
    expect(explain(option, value)).not.toContain('S3CRET');
    expect(holdsSecret(option, option.type === 'list' ? [value] : value)).toBe(true);
  });

  test.each(ALL.filter(({ secret }) => secret === true).map((option) => ({ option, name: option.name })))(
    '--$name is never shown',
    ({ option }) => expect(explain(option, 'S3CRET')).not.toContain('S3CRET'),
  );

  test.each(ALL.filter(({ secret }) => secret === 'address').map((option) => ({ option, name: option.name })))(
    '--$name shows no more than the origin, since its path may be the key',
    ({ option }) => {
      expect(maskValue(option, 'https://hooks.example/services/T0/B0/S3CRET')).toBe('https://hooks.example/*****');
      expect(maskValue(option, 'https://u:p@hooks.example:8443/?S3CRET')).toBe(
        'https://u:*****@hooks.example:8443/*****',
      );
      expect(maskValue(option, 'http://localhost:9001/')).toBe('http://localhost:9001/');
      expect(maskValue(option, 'S3CRET')).toBe('*****');
    },
  );

  test.each([
    ['http.extraHeader:Authorization\\: S3CRET', undefined],
    ['http.extraHeader:"Authorization: Basic S3CRET",gc.auto:0', 'http.extraHeader:*****,gc.auto:0'],
    ['"http.https://h.example/.extraHeader":"X-Token: S3CRET"', '"http.https://h.example/.extraHeader":*****'],
    ['http.proxy:http://u:S3CRET@proxy\\:8080', undefined],
    ['http.proxy:"http://u:S3CRET@proxy:8080"', 'http.proxy:"http://u:*****@proxy:8080"'],
    ['"url.https://u:S3CRET@h/.insteadOf":"https://h/"', undefined],
    ['credential.helper:"!f() { echo password=S3CRET; }; f"', 'credential.helper:*****'],
    [
      'imap.pass:S3CRET,sendemail.smtpPass:S3CRET,a.token:S3CRET',
      'imap.pass:*****,sendemail.smtpPass:*****,a.token:*****',
    ],
    ['not a list of pairs S3CRET', '*****'],
    ['credential.helper:cache,core.autocrlf:"a,b"', 'credential.helper:cache,core.autocrlf:"a,b"'],
  ])('--git-config=%s', (text, expected) => {
    for (const option of ALL.filter(({ secret }) => secret === 'git-settings')) {
      const shown = maskValue(option, text);
      expect(shown).not.toContain('S3CRET');
      if (expected !== undefined) expect(shown).toBe(expected);
    }
  });

  test('values without secrets are shown as they are', () => {
    const plain = {};
    for (const text of ['git@h.example:team/app.git', 'ssh://git@h/x', 'https://h:8443/x', '/a/path@2', ':8080', 'a b'])
      expect(maskValue(plain, text)).toBe(text);
    expect(maskValue(plain, 'a\u001b[2J')).toBe('a\\u001b[2J');
  });
});

describe('errors of the command line', () => {
  test.each(['-pasword=S3CRET', '-Z=S3CRET', '--=S3CRET', '---password=S3CRET', '--pasword=S3CRET'])(
    '%s shows no value',
    (word) => {
      for (const parse of [parseV3Flags, parseV4Flags]) {
        try {
          parse([word], 'sync');
        } catch (error) {
          expect(error).toBeInstanceOf(FlagSyntaxError);
          expect(String(error)).not.toContain('S3CRET');
        }
      }
    },
  );
});
